-- The demo's data model: the readers of two publishers, kept by the one company that serves both.
-- It is the application that Lethe is a guest of, so nothing here depends on Lethe or was shaped for it:
-- no index but those the application wants, no flag that says "anonymized". Its counterpart is
-- policy.yaml beside it. `lethe seed` creates and fills it; docs/audience.md draws it.

create schema audience;

comment on schema audience is 'Readers, what they subscribe to and what they were billed, of two publishers.';

-- Types ------------------------------------------------------------------------------------------

create type audience.contact_status as enum ('prospect', 'customer', 'lapsed', 'unsubscribed');
comment on type audience.contact_status is 'Where a contact stands. "unsubscribed" asked not to be solicited any more.';

create type audience.consent_purpose as enum ('newsletter', 'partner_offers', 'profiling');
comment on type audience.consent_purpose is 'What a contact was asked to agree to.';

create type audience.event_kind as enum ('sent', 'opened', 'clicked', 'bounced', 'complained');
comment on type audience.event_kind is 'What happened to one newsletter sent to one reader.';

-- Publishers and what they publish ---------------------------------------------------------------

create table audience.publishers (
  id         integer generated always as identity primary key,
  name       text not null unique,
  country    char(2) not null,
  time_zone  text not null
);

comment on table audience.publishers is
  'A publisher: the controller of its readers'' data. Every table that holds people names it.';
comment on column audience.publishers.time_zone is 'Where its days begin and end, as an IANA name.';

create table audience.titles (
  id            integer generated always as identity primary key,
  publisher_id  integer not null references audience.publishers on delete restrict,
  name          text not null,
  language      char(2) not null,
  yearly_price  numeric(8, 2) not null,

  constraint name_is_unique_at_its_publisher unique (publisher_id, name),
  constraint price_is_not_negative check (yearly_price >= 0)
);

comment on table audience.titles is 'A newspaper or magazine with its newsletter. Holds no people.';

-- Addresses --------------------------------------------------------------------------------------

create table audience.addresses (
  id            uuid primary key default gen_random_uuid(),
  publisher_id  integer not null references audience.publishers on delete restrict,
  street        text not null,
  postcode      varchar(10) not null,
  city          text not null,
  country       char(2) not null,
  latitude      double precision,
  longitude     double precision,
  -- Written by the delivery software, which runs on Paris time and knows no zones.
  last_used_at  timestamp,

  constraint position_is_whole_or_absent check (num_nulls(latitude, longitude) in (0, 2))
);

create index addresses_by_publisher on audience.addresses (publisher_id);

comment on table audience.addresses is
  'A place where something is delivered. A household shares one: several contacts may refer to it.';
comment on column audience.addresses.last_used_at is
  'When something was last sent there, in Paris time whoever the publisher. Null when nothing ever was.';

-- Contacts ---------------------------------------------------------------------------------------

create table audience.contacts (
  id                bigint generated always as identity primary key,
  publisher_id      integer not null references audience.publishers on delete restrict,
  address_id        uuid references audience.addresses on delete restrict,
  referred_by       bigint references audience.contacts on delete restrict,
  status            audience.contact_status not null default 'prospect',
  email             varchar(254) not null,
  given_name        text,
  -- The old CRM was an ORM's, and its exports still ask for this spelling.
  "familyName"      text,
  full_name         text not null generated always as (btrim(coalesce(given_name, '') || ' ' || coalesce("familyName", ''))) stored,
  phone             varchar(20),
  birthday          date,
  crm_reference     varchar(40),
  tracking_id       uuid not null default gen_random_uuid(),
  last_ip           inet,
  spent_total       numeric(10, 2) not null default 0,
  profile           jsonb not null default '{}',
  created_at        timestamptz not null default now(),
  last_activity_at  timestamptz,
  last_purchase_on  date,

  -- One account per publisher and address. The constraint serves the sign-in form, the index below
  -- stops "Ann@" beside "ann@"; the same person may well read titles of both publishers.
  constraint email_is_unique_at_its_publisher unique (publisher_id, email),
  constraint crm_reference_is_unique_at_its_publisher unique (publisher_id, crm_reference),
  constraint email_has_an_at check (email like '_%@_%'),
  constraint nobody_refers_themselves check (referred_by <> id)
);

create unique index contacts_by_email_of_any_case on audience.contacts (publisher_id, lower(email));
create index contacts_by_address on audience.contacts (address_id);
create index contacts_by_referrer on audience.contacts (referred_by) where referred_by is not null;
create index contacts_by_last_activity on audience.contacts (last_activity_at);

comment on table audience.contacts is
  'A person known to a publisher: a reader, a former reader, or somebody who left an address.';
comment on column audience.contacts.referred_by is 'The reader who brought this one.';
comment on column audience.contacts."familyName" is 'Family name.';
comment on column audience.contacts.full_name is 'For labels; follows the two names by itself.';
comment on column audience.contacts.crm_reference is 'What the publisher''s own software calls this person.';
comment on column audience.contacts.tracking_id is 'What the web site''s cookie carries.';
comment on column audience.contacts.profile is 'Answers to surveys and what was inferred from reading: interests, household, device.';
comment on column audience.contacts.last_activity_at is
  'Last sign-in, click or call. Null when there was none; the import of 2016 wrote -infinity for "unknown" and infinity for "never forget".';
comment on column audience.contacts.last_purchase_on is 'Day of the last order, in the publisher''s time zone.';

-- Subscriptions and what was delivered -----------------------------------------------------------

create table audience.subscriptions (
  publisher_id    integer not null references audience.publishers on delete restrict,
  number          bigint not null,
  contact_id      bigint not null references audience.contacts on delete restrict,
  title_id        integer not null references audience.titles on delete restrict,
  -- A copy of the contact's e-mail as it was on the day of the order, or the one to read on a tablet.
  delivery_email  varchar(254),
  gift_message    text,
  starts_on       date not null,
  ends_on         date not null default '9999-12-31',

  primary key (publisher_id, number),
  constraint ends_after_it_starts check (ends_on >= starts_on)
);

create index subscriptions_by_contact on audience.subscriptions (contact_id);
create index subscriptions_by_title on audience.subscriptions (title_id);
create index subscriptions_by_end on audience.subscriptions (ends_on);

comment on table audience.subscriptions is 'One contact''s subscription to one title. Numbered by each publisher.';
comment on column audience.subscriptions.delivery_email is 'Where the digital edition goes: a copy, not a reference.';
comment on column audience.subscriptions.ends_on is 'Last day served; 9999-12-31 while nobody has cancelled.';

create table audience.deliveries (
  publisher_id         integer not null,
  subscription_number  bigint not null,
  issue_on             date not null,
  shipped_to           text,
  returned             boolean not null default false,

  primary key (publisher_id, subscription_number, issue_on),
  constraint deliveries_of_a_subscription
    foreign key (publisher_id, subscription_number) references audience.subscriptions on delete cascade
) partition by range (issue_on);

create table audience.deliveries_default partition of audience.deliveries default;

-- One partition a year; what no year holds lies in the default one until somebody adds it.
do $$
begin
  for year in 2016..2029 loop
    execute format('create table audience.%I partition of audience.deliveries for values from (%L) to (%L)',
      'deliveries_' || year, make_date(year, 1, 1), make_date(year + 1, 1, 1));
  end loop;
end
$$;

comment on table audience.deliveries is 'One issue sent for one subscription. By year of issue.';
comment on column audience.deliveries.shipped_to is 'The label as it was printed: name and address in one text.';

-- Invoices ---------------------------------------------------------------------------------------

create table audience.invoices (
  id             bigint generated always as identity primary key,
  publisher_id   integer not null references audience.publishers on delete restrict,
  contact_id     bigint not null references audience.contacts on delete restrict,
  number         text not null,
  issued_on      date not null,
  billing_name   text not null,
  billing_email  varchar(254),
  total          numeric(10, 2) not null,

  constraint number_is_unique_at_its_publisher unique (publisher_id, number)
);

create index invoices_by_contact on audience.invoices (contact_id);
create index invoices_by_day on audience.invoices (issued_on);

comment on table audience.invoices is 'A bill, to be kept ten years for the tax office.';
comment on column audience.invoices.billing_name is 'Who was billed: the law wants it on the document.';

create table audience.invoice_lines (
  invoice_id    bigint not null references audience.invoices on delete cascade,
  line_number   smallint not null,
  publisher_id  integer not null references audience.publishers on delete restrict,
  title_id      integer references audience.titles on delete restrict,
  description   text not null,
  amount        numeric(10, 2) not null,

  primary key (invoice_id, line_number)
);

create index invoice_lines_by_publisher on audience.invoice_lines (publisher_id);
create index invoice_lines_by_title on audience.invoice_lines (title_id);

comment on table audience.invoice_lines is 'What a bill is for. Its text may name the person who receives a gift.';

-- Newsletters ------------------------------------------------------------------------------------

create table audience.newsletter_events (
  id            bigint generated always as identity,
  occurred_at   timestamptz not null,
  publisher_id  integer not null references audience.publishers on delete restrict,
  -- Null for an address that no contact has: a reader by a forwarded copy.
  contact_id    bigint references audience.contacts on delete set null,
  kind          audience.event_kind not null,
  email         text not null,
  ip            inet,
  user_agent    text,

  -- A partitioned table's key has to hold what it is partitioned by.
  primary key (id, occurred_at)
) partition by range (occurred_at);

create index newsletter_events_by_contact on audience.newsletter_events (contact_id);
create index newsletter_events_by_publisher on audience.newsletter_events (publisher_id);
create index newsletter_events_by_time on audience.newsletter_events (occurred_at);

create table audience.newsletter_events_default partition of audience.newsletter_events default;

-- One partition a quarter, cut at midnight UTC: neither publisher's midnight.
do $$
declare
  v_from timestamptz := '2024-01-01 00:00+00';
begin
  while v_from < '2029-01-01 00:00+00' loop
    execute format('create table audience.%I partition of audience.newsletter_events for values from (%L) to (%L)',
      to_char(v_from at time zone 'UTC', '"newsletter_events_"YYYY"_q"Q'),
      v_from, (v_from at time zone 'UTC' + interval '3 months') at time zone 'UTC');
    v_from := (v_from at time zone 'UTC' + interval '3 months') at time zone 'UTC';
  end loop;
end
$$;

comment on table audience.newsletter_events is 'What the mail software reports about each newsletter sent. By quarter.';
comment on column audience.newsletter_events.email is 'The address as the mail software wrote it: a copy, in whatever case.';

-- Consents and notes -----------------------------------------------------------------------------

create table audience.consents (
  contact_id    bigint not null references audience.contacts on delete cascade,
  purpose       audience.consent_purpose not null,
  publisher_id  integer not null references audience.publishers on delete restrict,
  given_at      timestamptz not null,
  withdrawn_at  timestamptz,
  proof_ip      inet,
  wording       text not null,

  primary key (contact_id, purpose),
  constraint withdrawn_after_given check (withdrawn_at >= given_at)
);

create index consents_by_publisher on audience.consents (publisher_id);

comment on table audience.consents is 'The last answer of a contact to one question, with what proves it.';
comment on column audience.consents.proof_ip is 'Where the answer came from.';

create table audience.support_notes (
  id            uuid primary key default gen_random_uuid(),
  publisher_id  integer not null references audience.publishers on delete restrict,
  contact_id    bigint not null references audience.contacts on delete restrict,
  written_by    text not null,
  body          text not null,
  opened_at     timestamptz not null default now(),
  closed_at     timestamptz,

  constraint closed_after_opening check (closed_at >= opened_at)
);

create index support_notes_by_contact on audience.support_notes (contact_id);
create index support_notes_by_publisher on audience.support_notes (publisher_id);

comment on table audience.support_notes is 'What the help desk wrote down about a contact. Open while not closed.';
comment on column audience.support_notes.body is 'Free text: may quote e-mail addresses and telephone numbers of anybody.';
