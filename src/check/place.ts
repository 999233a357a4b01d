/** Where in a policy file a finding belongs: at what it is about if that stands there, else where it would stand. */
import type { PolicyFile } from '../policy/read.ts'
import type { Finding } from './findings.ts'

/** The line and column, or nothing where the finding is not about anything a policy names. */
export function placeOf(finding: Finding, file: PolicyFile): { line?: number; column?: number } {
  const pointer = pointerOf(finding, file)
  return pointer === undefined ? {} : file.locate(pointer)
}

function pointerOf({ code, object }: Finding, { policy }: PolicyFile): string | undefined {
  if (object.startsWith('/')) return object
  if (code === 'expired-waiver' || code === 'unused-waiver') {
    const index = policy.waivers?.findIndex((waiver) => `${waiver.finding} ${waiver.object}` === object) ?? -1
    return index < 0 ? undefined : `/waivers/${index}`
  }
  const [schema, name, column] = identifiers(object)
  if (schema === undefined || name === undefined) return undefined
  const named = (section: Record<string, unknown> | undefined): string | undefined =>
    Object.keys(section ?? {}).find((key) => plain(key) === plain(`${schema}.${name}`))
  const table = named(policy.tables)
  if (table !== undefined) {
    return pointer('tables', table, ...(column === undefined ? [] : ['columns', column]))
  }
  const view = named(policy.views)
  if (view !== undefined) return pointer('views', view)
  return policy.tables ? '/tables' : undefined
}

/**
 * The parts of a name as a finding prints it: `shop."Order".note`, `shop.orders(customer_id)`, or
 * `north: shop.orders: purge`.
 */
export function identifiers(object: string): string[] {
  const name = /(?:^|\s)((?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))+)/u.exec(object)?.[1] ?? ''
  return [...name.matchAll(/"((?:[^"]|"")+)"|([\w$]+)/gu)].map(
    ([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare!,
  )
}

/** As the database names it, whether the file quotes it or not. */
function plain(name: string): string {
  return name.replaceAll('"', '')
}

function pointer(...steps: string[]): string {
  return steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
