/**
 * The answer as one page that anybody can read: no script, nothing loaded from elsewhere, headings and table headers
 * that a screen reader follows.
 *
 * Danger: every value may be anybody's text. Whatever is put into the page goes through `html`, which escapes it.
 */
import { type PersonalColumn, type PersonalData, type PersonalTable, valueAsText } from './document.ts'
import { type Language, WORDS } from './words.ts'

type Words = (typeof WORDS)['en']

/** Text that is HTML already. */
class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const escaped = (value: unknown): string =>
  value instanceof Html
    ? value.text
    : Array.isArray(value)
      ? value.map(escaped).join('')
      : String(value).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

const html = (parts: TemplateStringsArray, ...values: unknown[]): Html =>
  new Html(parts.map((part, i) => part + (i < values.length ? escaped(values[i]) : '')).join(''))

const STYLE = new Html(`
  body { font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 60rem; margin: 0 auto; padding: 1rem; }
  table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
  caption { text-align: left; font-weight: 600; padding: .25rem 0; }
  th, td { border: 1px solid #767676; padding: .25rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
  th { background: #f0f0f0; }
  @media print { section { break-inside: avoid; } }`)

/** @returns a whole HTML document. */
export function asHtml(data: PersonalData, language: Language): string {
  const words = WORDS[language]
  const who = data.controller.title ?? data.controller.name
  return html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${words.title[data.kind]}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${words.title[data.kind]}, ${words.by} ${who}</h1>
<p>${words.made} <time datetime="${data.generated_at}">${data.generated_at.slice(0, 10)}</time>. ${words.request} ${data.request}. ${words.mask} ${words.dueNote}</p>
<nav aria-label="${words.contents}"><ul>${data.tables.map((table, i) => html`<li><a href="#t${i + 1}">${titleOf(table, words)}</a></li>`)}</ul></nav>
${data.tables.map((table, i) => section(table, i + 1, data.generated_at.slice(0, 10), words))}
<h2>${words.recipients}</h2>
${
  data.recipients.length === 0
    ? html`<p>${words.noRecipients}</p>`
    : html`<ul>${data.recipients.map(({ name, since, until }) => html`<li>${name} (${words.since} ${since}${until === null ? '' : ` ${words.upTo} ${until}`})</li>`)}</ul>`
}
<h2>${words.sourceText}</h2><p>${told(data.source, words)}</p>
<h2>${words.automated}</h2><p>${told(data.automated_decisions, words)}</p>
<h2>${words.rights}</h2>
<ul>${data.rights.map((right) => html`<li>${words.rightsText[right] ?? right}</li>`)}</ul>
</main>
</body>
</html>
`.text
}

const titleOf = (table: PersonalTable, words: Words): Html =>
  html`${table.table}: ${words.about[table.kind]}, ${words.place[table.place]}, ${words.rows(table.rows.length)}`

const told = (text: string, words: Words): string => (text === 'not recorded' ? words.notRecorded : text)

function section(table: PersonalTable, n: number, today: string, words: Words): Html {
  return html`<section aria-labelledby="t${n}">
<h2 id="t${n}">${titleOf(table, words)}</h2>
<ul>${table.rules.map((rule) => html`<li>${rule}</li>`)}</ul>
<table>
<caption>${words.kept}</caption>
<thead><tr>${[words.column, words.category, words.purposes, words.basis, words.source, words.kept].map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${table.columns.map((column) => about(column, table.rules.length > 0 ? words.withRow : words.noRule, words))}</tbody>
</table>
${table.rows.map((row, i) => rowTable(table, row, i + 1, today, words))}
</section>
`
}

const about = (column: PersonalColumn, otherwise: string, words: Words): Html =>
  html`<tr><th scope="row">${column.name}</th><td>${told(column.category, words)}</td><td>${column.purposes.join(', ') || words.notRecorded}</td><td>${told(column.legal_basis, words)}</td><td>${told(column.source, words)}</td><td>${column.rules.join(' ') || otherwise}</td></tr>
`

/** Days as text, of which each may be missing; the row takes its columns along. */
const earliest = (...days: (string | null | undefined)[]): string | undefined =>
  days.filter((day) => typeof day === 'string').sort()[0]

function rowTable(
  table: PersonalTable,
  row: PersonalTable['rows'][number],
  n: number,
  today: string,
  words: Words,
): Html {
  const until = (day: string): string => (day <= today ? `${day} (${words.due})` : day)
  const otherwise = table.rules.length > 0 ? words.seeAbove : words.noRule
  const end = row.until.row === null ? '' : html`. ${words.untilRow} ${until(row.until.row)}`
  const ended = (name: string): string => {
    const day = earliest(row.until.columns[name], row.until.row)
    return day === undefined ? otherwise : until(day)
  }
  return html`<table>
<caption>${words.row} ${n}${end}</caption>
<thead><tr><th scope="col">${words.column}</th><th scope="col">${words.value}</th><th scope="col">${words.until}</th></tr></thead>
<tbody>${table.columns.map(
    ({ name }) =>
      html`<tr><th scope="row">${name}</th><td>${valueAsText(row.values[name])}</td><td>${ended(name)}</td></tr>
`,
  )}</tbody>
</table>
`
}
