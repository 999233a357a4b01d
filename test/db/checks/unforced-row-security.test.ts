import { provesItself } from '../../helpers/check.ts'

provesItself({
  code: 'unforced-row-security',
  object: 'desk.people',
  says: /row security of desk.people does not bind its owner/,
  violation: 'alter table desk.people enable row level security',
  repair: 'alter table desk.people force row level security',
})
