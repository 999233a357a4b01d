import { provesItself } from '../../helpers/check.ts'

provesItself({
  code: 'child-column',
  object: 'desk.vips.nickname',
  says: /column nickname of desk.vips is not in desk.people, from which it inherits/,
  violation: 'create table desk.vips (nickname text) inherits (desk.people)',
  repair: 'alter table desk.vips drop column nickname',
})
