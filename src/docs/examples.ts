/** Made-up values on which the pages of docs/methods show what a method does; the database computes what they become. */

/** A column's type, parameters other than the defaults, and values as text. */
export interface Example {
  type: string
  parameters?: Record<string, string | number | boolean>
  values: readonly string[]
}

/** By method; a method without an example fails the generator. */
export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  suppress: [{ type: 'text', values: ['Dupont', '', '+33 6 12 34 56 78'] }],
  constant: [
    { type: 'text', parameters: { value: 'gone' }, values: ['Dupont', ''] },
    { type: 'date', parameters: { value: '1900-01-01' }, values: ['1987-05-06'] },
    { type: 'tsvector', parameters: { value: '' }, values: [`'dupont':1A 'lyon':2`] },
  ],
  partial: [
    { type: 'text', values: ['Dupont', 'Ng', 'D'] },
    { type: 'text', parameters: { keep_end: 2 }, values: ['Dupont', 'Dupo'] },
  ],
  partial_email: [
    { type: 'text', values: ['bob@example.com', 'b@mail.example.fr', 'no address'] },
    { type: 'text', parameters: { keep_domain: true }, values: ['bob@example.com'] },
  ],
  partial_number: [
    { type: 'text', values: ['+33 6 12 34 56 78', '0612345678'] },
    { type: 'text', parameters: { keep_start: 0, keep_end: 4 }, values: ['4111-1111-1111-1111'] },
  ],
  truncate: [
    { type: 'text', values: ['Dupont', 'D', ''] },
    { type: 'text', parameters: { keep: 3 }, values: ['Dupont'] },
  ],
  shape: [{ type: 'text', values: ['AB-123-CD', 'Élodie 2', '1987-05-06'] }],
  scrub: [
    {
      type: 'text',
      values: ['Bob (06 12 34 56 78) wrote from bob@example.com', 'Invoice 17/2024', 'nothing here'],
    },
  ],
  redact_elements: [{ type: 'text[]', values: ['{bob,anne}', '{"12 rue X",NULL}', '{}'] }],
  jsonb_remove: [
    {
      type: 'jsonb',
      parameters: { paths: 'phone,address.street' },
      values: [
        '{"phone": "0612345678", "plan": "year"}',
        '{"address": {"street": "rue X", "city": "Lyon"}}',
        '{"plan": "year", "address": [{"street": "rue X"}]}',
      ],
    },
  ],
  jsonb_keep: [
    {
      type: 'jsonb',
      parameters: { keys: 'plan,language' },
      values: ['{"plan": "year", "phone": "0612345678"}', '{"note": "call"}', '["plan"]'],
    },
  ],
  jsonb_redact: [
    {
      type: 'jsonb',
      values: ['{"name": "Bob", "age": 37, "member": true}', '[["a", 1.5], null]', '"Bob"'],
    },
  ],
  pseudonym: [
    { type: 'text', values: ['Dupont', 'dupont'] },
    { type: 'varchar(12)', values: ['Dupont'] },
  ],
  pseudonym_email: [
    { type: 'text', values: ['bob@example.com', 'no address'] },
    { type: 'varchar(40)', values: ['bob@example.com'] },
  ],
  pseudonym_mailbox: [
    { type: 'text', values: ['bob@example.com', 'no address'] },
    { type: 'varchar(50)', values: ['bob@example.com'] },
  ],
  pseudonym_uuid: [
    {
      type: 'uuid',
      values: ['8c1f0f0e-5a3b-4c1d-9e2f-0123456789ab', '00000000-0000-0000-0000-000000000000'],
    },
    { type: 'uuid', values: ['01890a5d-ac96-774b-bcce-b302099a8057'] },
  ],
  pseudonym_number: [{ type: 'bigint', values: ['17', '18', '-1'] }],
  pseudonym_bytea: [{ type: 'bytea', values: ['\\x00ff', '\\x00fe', '\\x'] }],
  pseudonym_digits: [{ type: 'text', values: ['73282932000074', '1 87 05 75', '12'] }],
  pseudonym_iban: [
    { type: 'text', values: ['FR14 2004 1010 0505 0001 3M02 606', 'DE89370400440532013000', 'none'] },
  ],
  pseudonym_name: [
    { type: 'text', values: ['Bob', 'Anne'] },
    { type: 'text', parameters: { kind: 'family_name', locale: 'fr' }, values: ['Dupont'] },
    { type: 'text', parameters: { kind: 'company' }, values: ['Dupont & Sons'] },
  ],
  generalize_date: [
    { type: 'date', values: ['1987-05-06'] },
    { type: 'date', parameters: { to: 'age_band' }, values: ['1987-05-06'] },
    { type: 'timestamptz', parameters: { to: 'quarter' }, values: ['2024-06-30 23:59:59+00'] },
  ],
  generalize_time: [
    { type: 'timestamp', values: ['2024-02-29 23:59:59'] },
    { type: 'timestamp', parameters: { to: 'hour' }, values: ['2024-02-29 23:59:59'] },
    { type: 'timestamp', parameters: { to: 'week' }, values: ['2024-02-29 23:59:59'] },
  ],
  generalize_period: [
    { type: 'daterange', values: ['[2019-05-06,2024-06-07)', '[2019-05-06,)'] },
    {
      type: 'tsrange',
      parameters: { to: 'month' },
      values: ['["2019-05-06 10:00:00","2019-05-06 11:00:00")'],
    },
  ],
  month_day: [{ type: 'date', values: ['1987-05-06', '1996-02-29', 'infinity'] }],
  generalize_number: [
    { type: 'int', values: ['37', '-37'] },
    { type: 'numeric', parameters: { width: 1000 }, values: ['43210.99'] },
  ],
  generalize_coordinates: [
    { type: 'double precision', values: ['48.8566', '-2.3522'] },
    { type: 'point', parameters: { decimals: 2 }, values: ['(48.8566,2.3522)'] },
  ],
  generalize_postcode: [
    { type: 'text', values: ['75011', 'SW1A 1AA', '01310-100'] },
    { type: 'text', parameters: { keep: 3 }, values: ['10001-1234'] },
  ],
  generalize_ip: [
    { type: 'inet', values: ['192.0.2.17', '2001:db8:1:2::17'] },
    { type: 'text', parameters: { v4: 16 }, values: ['192.0.2.17', 'no address'] },
  ],
  generalize_mac: [
    { type: 'macaddr', values: ['08:00:2b:01:02:03', 'ff:ff:ff:ff:ff:ff'] },
    { type: 'macaddr8', values: ['08:00:2b:01:02:03:04:05'] },
  ],
  generalize_url: [
    {
      type: 'text',
      values: [
        'https://bob:pw@example.com:8080/a/b?c=d#e',
        '/account?mail=bob@example.com',
        'mailto:bob@example.com',
      ],
    },
  ],
  generalize_user_agent: [
    {
      type: 'text',
      values: [
        'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
        'Mozilla/5.0 (Windows NT 10.0) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0',
        'Googlebot/2.1',
      ],
    },
  ],
}
