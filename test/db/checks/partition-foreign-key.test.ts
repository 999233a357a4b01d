import { provesItself } from '../../helpers/check.ts'

provesItself({
  code: 'partition-foreign-key',
  object: 'desk.visits(person_id)',
  says: /partition desk."visits 2021" of desk.visits: the foreign key \(person_id\) to desk.people is missing/,
  violation: `
    create table desk.visits (id int, person_id bigint, day date, owner int not null, primary key (id, day)) partition by range (day);
    create table desk.visits_2020 partition of desk.visits for values from ('2020-01-01') to ('2021-01-01');
    create table desk."visits 2021" partition of desk.visits for values from ('2021-01-01') to ('2022-01-01');
    alter table desk.visits_2020 add foreign key (person_id) references desk.people;
    create index on desk.visits (person_id);
    select lethe.manage_table('desk.visits', controller_column => 'owner')`,
  repair: 'alter table desk."visits 2021" add foreign key (person_id) references desk.people (id)',
})
