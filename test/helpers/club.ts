/**
 * A club for the tests of requests: members of two controllers in two time zones, two accounts of whom share an
 * e-mail address, one has an address that another controller's member has, too, and every name is in need of quotes.
 */
import { createDatabase, type Login, type TestDatabase } from './database.ts'
import { applyPolicy } from './engine.ts'

export const ZONES = { north: 'America/St_Johns', south: 'Pacific/Apia' } as const

/** Stands in every identifier, and nowhere else. */
export const SECRET = 'private-person.example'

const POLICY = {
  version: 1,
  controllers: {
    north: { time_zone: ZONES.north, reference: '1' },
    south: { time_zone: ZONES.south, reference: '2' },
  },
  subjects: {
    member: {
      table: 'club.Members',
      identifiers: ['e-Mail', 'phone'],
      links: { 'club.notes': { kind: 'own' } },
    },
  },
  tables: {
    'club.Members': {
      controller: { column: 'owner' },
      columns: { 'e-Mail': { category: 'contact' }, phone: { category: 'contact' } },
      purge: { after: 'P10Y', since: 'at' },
    },
    'club.notes': { controller: { column: 'owner' }, with: 'parent' },
  },
}

/** Ada has two accounts, in different case; Bob shares his telephone number with Cyd, who is south's. */
export const MEMBERS = [
  { id: 1, owner: 1, mail: `Ada@${SECRET}`, phone: '+33 6 47 12 90 35' },
  { id: 2, owner: 1, mail: `ada@${SECRET}`, phone: null },
  { id: 3, owner: 1, mail: `bob@${SECRET}`, phone: '06.99.88.77.66' },
  { id: 4, owner: 2, mail: `cyd@${SECRET}`, phone: '06.99.88.77.66' },
] as const

/** A club of one's own, as a database. */
export interface Club extends TestDatabase {
  /** A fresh login that has the roles and acts for the controllers. */
  member(roles: string[], controllers: string[]): Promise<Login>
}

export async function createClub(): Promise<Club> {
  const db = await createDatabase()
  await db.query(`
    create schema club;
    create table club."Members" (id int primary key, owner int not null, at date default current_date, "e-Mail" text, phone text);
    create table club.notes (id int primary key, owner int not null, member_id int not null references club."Members", body text);
    create index on club.notes (member_id)`)
  await applyPolicy(db, POLICY)
  await db.query(`grant usage on schema club to lethe_owner, lethe_sweeper;
    grant select, insert, update, delete on club."Members", club.notes to lethe_sweeper`)
  await fillClub(db)
  return {
    ...db,
    async member(roles, controllers) {
      const login = await db.asRole(...roles)
      const [{ me }] = (await login.query<{ me: string }>('select session_user as me')) as [{ me: string }]
      for (const controller of controllers)
        await db.query('select lethe.add_member($1, $2)', [me, controller])
      return login
    },
  }
}

async function fillClub(db: Login): Promise<void> {
  for (const { id, owner, mail, phone } of MEMBERS)
    await db.query('insert into club."Members" values ($1, $2, default, $3, $4)', [id, owner, mail, phone])
  await db.query(
    `insert into club.notes select i, m.owner, m.id, 'a note' from generate_series(1, 8) as i join club."Members" as m on m.id = 1 + i % 4`,
  )
}
