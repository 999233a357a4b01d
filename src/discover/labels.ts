/**
 * The labels that a sampled value can get, as SQL over it: the first that fits is its label. Check digits are
 * computed (IBAN: ISO 13616, modulo 97; cards and SIRET: Luhn; NIR: 97 minus the number modulo 97), since any
 * fifteen digits look like something.
 */

/** In the order in which they are tried. */
export const LABELS = [
  'email',
  'ip',
  'uuid',
  'secret',
  'user agent',
  'url',
  'iban',
  'nir',
  'phone',
  'siret',
  'card',
  'postcode',
  'text with email',
  'json with email',
  'json with person',
  'long text',
  'two words',
  'day',
  'long ago',
  'sentinel',
  'other',
] as const

/** Days that stand for "none" by custom. Looked for by their value, so that finding one tells nothing of anybody. */
export const SENTINELS = [
  '9999-12-31',
  '9999-01-01',
  '2999-12-31',
  '2099-12-31',
  '1900-01-01',
  '1800-01-01',
  '0001-01-01',
]

const EMAIL = `[a-z0-9._%+-]+@[a-z0-9-]+(\\.[a-z0-9-]+)*\\.[a-z]{2,}`
/** Members of a document that say whom it is about. Only whether there are any is counted. */
const PERSON_MEMBERS = `"(e?[-_]?mails?|courriel|first_?name|last_?name|given_?name|family_?name|prenom|nom|phone|telephone|tel|mobile|birth_?(date|day)|dob|address|adresse|ip(_address)?)"\\s*:`

/**
 * @param value - SQL of the value as text, not null.
 * @param kind - SQL of one of `text`, `number`, `day`, `json`.
 */
export function labelSql(value: string, kind: string): string {
  const compact = `regexp_replace(${value}, '[ .-]', '', 'g')`
  return `case
    when ${kind} = 'day' then case
      when left(${value}, 10) = any ('{${SENTINELS.join(',')}}') then 'sentinel'
      when ${value} ~ '^(19|20)\\d\\d-' and left(${value}, 4)::int between 1901 and extract(year from current_date) - 14 then 'long ago'
      else 'other' end
    when ${kind} = 'json' then case
      when ${value} ~* '"${EMAIL}"' then 'json with email'
      when ${value} ~* '${PERSON_MEMBERS}' then 'json with person'
      else 'other' end
    when ${value} ~ '@' and ${value} ~* '^\\s*${EMAIL}\\s*$' then 'email'
    when ${value} ~ '^\\s*$' then null
    when ${value} ~ '^\\d' and ${value} ~ '^\\d{1,3}(\\.\\d{1,3}){3}(/\\d+)?$'
      or ${value} ~ ':' and ${value} ~* '^([0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(/\\d+)?$' and ${value} !~ '^\\d{1,2}:\\d\\d(:\\d\\d)?$' then 'ip'
    when length(${value}) = 36 and ${value} ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then 'uuid'
    when ${value} ~ '^(\\$(2[abxy]|5|6|argon2|P|scrypt|pbkdf2)|pbkdf2_sha|\\{SSHA|sha256:|bcrypt)' then 'secret'
    when ${value} ~ '^(Mozilla|Opera|curl|Wget|Dalvik|okhttp)/' then 'user agent'
    when ${value} ~* '^(https?://|www\\.)' then 'url'
    when ${value} ~* '^[a-z]{2}\\d\\d[a-z0-9 ]{11,40}$' and ${ibanSql(value)} then 'iban'
    when ${value} ~ '^[ .]*[12378]' and ${compact} ~ '^[12378]\\d{4}(\\d\\d|2[AB])\\d{6}\\d\\d$' and ${nirSql(compact)} then 'nir'
    when ${value} ~ '^[+(0-9]' and (${value} ~ '^(\\+|00)[1-9][0-9 ().-]{6,18}$' or ${value} ~ '^0[1-9]([ .-]?\\d\\d){4}$'
      or ${value} ~ '^\\(?[2-9]\\d\\d\\)?[ .-]{1,2}\\d{3}[ .-]\\d{4}$') then 'phone'
    when ${compact} ~ '^\\d{14}$' and ${luhnSql(compact)} then 'siret'
    when ${compact} ~ '^[2-6]\\d{12,18}$' and ${luhnSql(compact)} then 'card'
    when ${kind} = 'text' and (${value} ~ '^(\\d{5}|\\d{5}-\\d{3,4})$' or ${value} ~ '^[A-Z]{1,2}\\d[A-Z\\d]? ?\\d[A-Z]{2}$') then 'postcode'
    when ${value} ~ '@' and ${value} ~* '${EMAIL}' then 'text with email'
    when ${kind} = 'text' and ${value} ~ '^\\d{4}-\\d\\d-\\d\\d' or ${value} ~ '^\\d\\d?/\\d\\d?/\\d{4}$' then 'day'
    when ${kind} = 'text' and length(${value}) > 60 and ${value} ~ '\\S+\\s+\\S+\\s+\\S+\\s+\\S+' then 'long text'
    when ${kind} = 'text' and ${value} ~ '^[[:upper:]][[:alpha:]''.-]+( [[:upper:]][[:alpha:]''.-]*){1,3}$' then 'two words'
    else 'other' end`
}

/** Letters become numbers (A: 10), the first four characters go to the end, and the whole leaves 1 of 97. */
function ibanSql(value: string): string {
  return `(select string_agg(case when x.c ~ '\\d' then x.c else (ascii(x.c) - 55)::text end, '' order by x.n)::numeric % 97 = 1
    from regexp_split_to_table(substr(upper(replace(${value}, ' ', '')), 5) || left(upper(replace(${value}, ' ', '')), 4), '') with ordinality as x (c, n))`
}

/** Corsica has letters, which count as 19 and 18. */
function nirSql(compact: string): string {
  return `(97 - replace(replace(left(${compact}, 13), '2A', '19'), '2B', '18')::bigint % 97 = right(${compact}, 2)::int)`
}

function luhnSql(digits: string): string {
  return `(select sum(case when x.n % 2 = 0 then (2 * x.c::int) / 10 + (2 * x.c::int) % 10 else x.c::int end) % 10 = 0
    from regexp_split_to_table(reverse(${digits}), '') with ordinality as x (c, n))`
}
