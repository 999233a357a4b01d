import { provesItself } from '../../helpers/check.ts'

provesItself({
  code: 'look-alike-table',
  object: 'desk.people_2019',
  says: /table desk.people_2019 has 4 of the 4 personal columns of desk.people/,
  violation: `
    create table desk.people_2019 as table desk.people;
    create table desk.rooms (id int, seen date, born int)`,
  repair: 'drop table desk.people_2019',
})
