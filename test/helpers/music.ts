/** A shop for music, as Chinook has it, with the customers of two controllers in two time zones in the same tables. */

/** Every table, and what tells its rows apart. */
export const MUSIC_TABLES = {
  'music.employees': 'id',
  'music.customers': 'id',
  'music.invoices': 'id',
  'music.lines': 'id',
  'music.tickets': 'id',
  'music."Letters"': 'sent_to || n',
}

export const MUSIC_SQL = `
  create schema music;
  create table music.employees (id int primary key, owner int not null, name text not null, reports_to int references music.employees);
  create index on music.employees (reports_to);
  create table music.customers (
    id int primary key, owner int not null, first_name text not null, email varchar(60) not null unique check (email like '%@%'), company text,
    birth date not null, greeting text generated always as ('Dear ' || first_name) stored, support_rep_id int references music.employees);
  create index on music.customers (support_rep_id);
  create table music.invoices (id int primary key, owner int not null, customer_id int not null references music.customers on delete restrict, invoiced_on date not null, address text);
  create index on music.invoices (customer_id);
  create table music.lines (id int primary key, owner int not null, invoice_id int not null references music.invoices on delete cascade, amount numeric not null);
  create index on music.lines (invoice_id);
  create table music.tickets (id int primary key, owner int not null, customer_id int references music.customers on delete set null, body text);
  create index on music.tickets (customer_id);
  create table music."Letters" (sent_to text not null, n int not null, owner int not null, "Text" text, primary key (sent_to, n));
  insert into music.employees select i, 1 + i % 2, 'Employee ' || i, case when i > 3 then i - 2 end from generate_series(1, 9) as i;
  insert into music.customers (id, owner, first_name, email, company, birth, support_rep_id)
  select i, 1 + i % 2, 'First ' || i, 'c' || i || '@example.org', 'Company ' || i, date '1980-01-01' + i, 2 + i % 2 from generate_series(1, 60) as i;
  insert into music.invoices select i, c.owner, c.id, current_date - (i % 7) * 800, 'Road ' || c.id from generate_series(1, 420) as i join music.customers as c on c.id = 1 + i % 60;
  insert into music.lines select i, v.owner, v.id, i from generate_series(1, 2240) as i join music.invoices as v on v.id = 1 + i % 420;
  insert into music.tickets select i, c.owner, c.id, 'about ' || i from generate_series(1, 120) as i join music.customers as c on c.id = 1 + i % 60;
  insert into music."Letters" select c.email, n, c.owner, 'Dear ' || c.first_name from music.customers as c cross join generate_series(1, 2) as n`

const column = { controller: { column: 'owner' } }

/** @param invoices - what the link of the invoices says besides its kind. */
export function musicPolicy(invoices: object): Record<string, unknown> {
  return {
    version: 1,
    controllers: {
      north: { time_zone: 'America/St_Johns', reference: '1' },
      south: { time_zone: 'Pacific/Auckland', reference: '2' },
    },
    subjects: {
      customer: {
        table: 'music.customers',
        identifiers: ['email'],
        links: {
          'music.invoices': { kind: 'own', ...invoices },
          'music.lines': { kind: 'own', with: 'parent' },
          'music.tickets': { kind: 'mention' },
          'music.Letters': {
            kind: 'own',
            to: 'music.customers',
            columns: { sent_to: 'email' },
          },
        },
      },
    },
    tables: {
      'music.customers': {
        ...column,
        columns: {
          first_name: { category: 'direct identifier' },
          email: { category: 'contact' },
          company: { category: 'quasi-identifier' },
          birth: { category: 'quasi-identifier' },
          greeting: { category: 'direct identifier' },
        },
      },
      'music.invoices': { ...column, columns: { address: { category: 'contact' } } },
      'music.lines': column,
      'music.tickets': { ...column, columns: { body: { category: 'content' } } },
      'music.Letters': { ...column, columns: { Text: { category: 'content' } } },
      'music.employees': column,
    },
  }
}

/** A law keeps invoices for ten years. */
export const MUSIC_KEPT = {
  on_erasure: { retain: 'P10Y', since: 'invoiced_on', basis: 'Code de commerce L123-22' },
}
