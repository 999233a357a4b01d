/** The words around the table of docs/methods/README.md: what the catalogue leaves out, and why. */

export const INTRODUCTION = `# Methods

A rule that anonymizes a column names a method: \`using: pseudonym_email\`, or with parameters
\`using: {method: generalize_date, to: month}\`. Each is a pair of SQL expressions, the mask and a predicate that
recognises its output, so that the data itself shows what has been done. All of them

- are total: NULL, the empty, the shortest, the longest and the malformed value have an answer, and it is never the
  value itself, unless that already looks masked (\`lethe.already_masked\` counts those);
- change nothing when done twice, and fit the column's length;
- are immutable and opened up by the planner: nothing is called per row, and the predicate serves a partial index;
- leave NULL as it is, and take NULL for masked.

*Anonymous* and *pseudonymous* are meant as in ISO/IEC 20889 and the GDPR, of the column by itself: pseudonymous is
what can be linked again with the key, or what keeps enough of the value to single somebody out. Several anonymous
columns together can still point at one person; \`category\` says which columns to look at together.`

export const LEFT_OUT = `## What is not here, and why

**What cannot recognise itself.** A rule must see in the data what is left to do. Nothing tells a number with noise
from the one that was measured, a shuffled or permuted value from one in its place, a random date, telephone or
name, or a fake company, from a real one: every cycle would change them again, and no check could say that they
were. They serve copies and statistics, where everything is changed once.

| wanted | instead |
|---|---|
| noise on numbers and dates | \`generalize_number\`, \`generalize_date\` |
| shuffling, permutation, sampling | for copies; in place: \`suppress\` or \`constant\` |
| random or fake names, addresses, companies | \`pseudonym_name\`, whose star marks them; \`constant\` |
| a pick out of real names | the same: its recogniser would take people who bear the name for masked |
| keyed scrambling that keeps the format | without a mark it cannot be recognised. \`shape\` keeps the format; \`pseudonym_digits\`, \`pseudonym_iban\` have room for a mark inside it |
| filler text (lorem ipsum) | \`constant\`, \`scrub\` |
| a digest without a key | \`pseudonym\`: a digest of an e-mail address or a telephone number is undone by trying them all |
| the column's default | \`constant\` with that value: a default can be volatile, or change, and what was masked would count as raw |
| boolean, enum, bytea | \`suppress\`, or \`constant\` (\`false\`, a label, \`\\x\`) |
| tsvector | a generated column, or a trigger such as \`tsvector_update_trigger\`, follows the masked text by itself; else \`constant\` with an empty value |
| json, xml, hstore, money | \`suppress\`: types without equality, or of extensions. json can become jsonb |
| a place of PostGIS | a method of your own over \`ST_SnapToGrid\` |
| top and bottom coding, ranges of numbers | a method of your own, where \`generalize_number\` is not enough |
| conditional masking | \`when\` of the rule |
| k-anonymity, l-diversity, small cells | statistics, which see more than one row |

## One of your own

\`lethe.register_method\` takes two templates and tries them on values chosen to break them:

\`\`\`sql
select lethe.register_method(
  name        => 'department',
  mask        => 'left({value}, {keep})',
  recogniser  => 'char_length({value}) <= {keep}',
  types       => '{text,varchar,bpchar}',
  output      => 'anonymous',
  parameters  => '{"keep": {"type": "integer", "default": 2, "minimum": 0, "maximum": 5}}',
  description => 'The first characters of a code.');
\`\`\`
`
