/** Rows about newsletters: what was sent to whom, and what came of it. */
import { timeOfDay } from './calendar.ts'
import { copyLine } from './copy.ts'
import { USER_AGENTS } from './names.ts'
import { ip4, type Readers } from './readers.ts'
import { numbers, type TableRows } from './rows.ts'

const SALT = {
  events: 220,
  eventAge: 221,
  eventTime: 222,
  kind: 223,
  eventIp: 224,
  agent: 225,
  eventCase: 226,
}

/** Those tables, for `copy`. */
export function eventTables(people: Readers): TableRows[] {
  return [
    {
      table: 'newsletter_events',
      columns: ['id', 'occurred_at', 'publisher_id', 'contact_id', 'kind', 'email', 'ip', 'user_agent'],
      lines: newsletterEvents(people),
    },
  ]
}

function* newsletterEvents(people: Readers): Iterable<string> {
  const { draw, calendar } = people
  const kinds = ['sent', 'sent', 'opened', 'opened', 'clicked', 'bounced', 'complained']
  const event = (id: number, at: string, n: number, contact: number | null, email: string): string => {
    const bits = draw.bits(id, SALT.eventIp)
    const opened = bits % 3 > 0
    return copyLine([
      id,
      at,
      people.region(n).publisher,
      contact,
      draw.pick(id, SALT.kind, kinds),
      email,
      opened ? ip4(bits) : null,
      opened ? draw.pick(id, SALT.agent, USER_AGENTS) : null,
    ])
  }
  // Older than any quarter's partition, on the edge of the thirteen months, at both ends of a timestamp,
  // and a reader of a forwarded copy, whom no contact stands for.
  for (const [i, n] of [1, 2].entries()) {
    const zone = people.region(n).timeZone
    yield event(1 + i, `2019-05-05 05:05:05 ${zone}`, n, n, people.email(n))
    yield event(3 + i, `${calendar.day(100)} 23:59:59.999999 ${zone}`, n, null, `forwarded.${n}@example.com`)
    yield event(5 + i, 'infinity', n, n, people.email(n))
    yield event(7 + i, '-infinity', n, n, people.email(n))
  }
  for (const n of numbers(people)) {
    for (let i = draw.between(n, SALT.events, 0, 3); i > 0; i--) {
      const id = n * 4 + i
      const at = `${calendar.day(draw.between(id, SALT.eventAge, 1, 790))} ${timeOfDay(draw.between(id, SALT.eventTime, 0, 86_399))}+00`
      const email = draw.happens(id, SALT.eventCase, 10) ? people.email(n).toUpperCase() : people.email(n)
      yield event(id, at, n, draw.happens(id, SALT.eventCase + 100, 2) ? null : n, email)
    }
  }
}
