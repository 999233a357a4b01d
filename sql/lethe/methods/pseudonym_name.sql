-- Keyed names: the same value gets the same name out of a short list, so that a screen or a test still
-- reads like one. A star ends each of them: names that people bear are no mark, and without it the
-- recogniser would take a real Camille for a masked one. Names are in ASCII, which any encoding has.
create or replace function lethe.pseudonym_names(kind text, locale text)
  returns text[]
  language sql
  immutable
  parallel safe
return case kind || '_' || locale
  when 'given_name_fr' then '{Alix,Ange,Camille,Charlie,Claude,Dominique,Eden,Elie,Florence,France,Gabriel,Gwen,Hyacinthe,Jackie,Jocelyn,Lou,Loan,Louison,Marie,Maxime,Morgan,Nima,Noa,Pascal,Philippe,Romane,Sacha,Sandy,Stephane,Swann,Valentine,Yannick}'::text[]
  when 'given_name_en' then '{Alex,Ashley,Avery,Blake,Cameron,Casey,Dana,Drew,Eden,Elliot,Emery,Finley,Frankie,Hayden,Jamie,Jesse,Jordan,Jules,Kelly,Lee,Logan,Morgan,Parker,Quinn,Reese,Riley,Robin,Rowan,Sidney,Skyler,Taylor,Terry}'::text[]
  when 'family_name_fr' then '{Abricot,Acacia,Bleuet,Bouleau,Bruyere,Cerise,Charme,Citron,Cypres,Epice,Figuier,Fougere,Framboise,Genet,Girofle,Lavande,Lierre,Lilas,Menthe,Merisier,Mimosa,Myrtille,Noisette,Olivier,Orme,Platane,Pommier,Romarin,Sapin,Saule,Tilleul,Verveine}'::text[]
  when 'family_name_en' then '{Alder,Apple,Ash,Aspen,Barley,Beech,Birch,Bramble,Cedar,Cherry,Clover,Elder,Elm,Fern,Hawthorn,Hazel,Heather,Holly,Ivy,Juniper,Laurel,Linden,Maple,Myrtle,Oak,Pine,Poplar,Reed,Rowan,Sage,Thistle,Willow}'::text[]
  when 'city_fr' then '{Beaumont,Belair,Bellerive,Boisclair,Bonneval,Bourgneuf,Champfleury,Chantemerle,Clairval,Coteau,Fontclaire,Fontvieille,Grandval,Hautbois,Hauterive,Longchamp,Montclair,Montfleury,Neuville,Pontneuf,Rivebelle,Rochebelle,Rochefort,Sablons,Sautfleuri,Toursol,Valclair,Valfleury,Vertbois,Vieuxpont,Villeneuve,Villesol}'::text[]
  when 'city_en' then '{Ashford,Bayfield,Briarwood,Brookfield,Clearwater,Cliffside,Coldbrook,Eastfield,Elmwood,Fairview,Foxhill,Glenford,Greenfield,Hillcrest,Kingsbrook,Lakeside,Longmeadow,Maplewood,Millbrook,Newbridge,Northgate,Oakdale,Pinehurst,Ridgeway,Riverton,Rosewood,Southport,Springdale,Stonebridge,Summerfield,Westbrook,Winterfield}'::text[]
  when 'company_fr' then '{Ets Abeille,Ets Alouette,Ets Belette,Ets Bouvreuil,Ets Castor,Ets Cerf,Ets Chamois,Ets Cigale,Ets Cigogne,Ets Colibri,Ets Cygne,Ets Dauphin,Ets Fauvette,Ets Furet,Ets Geai,Ets Grillon,Ets Grive,Ets Hibou,Ets Lievre,Ets Loutre,Ets Lynx,Ets Marmotte,Ets Merle,Ets Mouette,Ets Papillon,Ets Pinson,Ets Renard,Ets Rossignol,Ets Saumon,Ets Tortue,Ets Truite,Ets Vanneau}'::text[]
  else '{Badger Works,Beaver Works,Bison Works,Crane Works,Curlew Works,Deer Works,Dolphin Works,Dove Works,Eagle Works,Falcon Works,Ferret Works,Finch Works,Fox Works,Hare Works,Heron Works,Ibis Works,Jay Works,Kestrel Works,Lark Works,Lynx Works,Magpie Works,Marten Works,Mole Works,Otter Works,Owl Works,Robin Works,Salmon Works,Seal Works,Stork Works,Swift Works,Trout Works,Wren Works}'::text[]
end;

comment on function lethe.pseudonym_names(text, text) is
  'The 32 names that lethe.pseudonym_name picks from: kind given_name, family_name, city or company; locale fr or en.';

create or replace function lethe.is_pseudonym_name(value text, kind text, locale text)
  returns boolean
  language sql
  immutable
  parallel safe
return value collate "C" like '%*'
  and left(value, -1) collate "C" = any (lethe.pseudonym_names(kind, locale));

comment on function lethe.is_pseudonym_name(text, text, text) is
  'True for a name of the list with a star after it; null for null.';

create or replace function lethe.pseudonym_name(value text, inner_pad bytea, outer_pad bytea, kind text, locale text)
  returns text
  language sql
  immutable
  parallel safe
return case
  when lethe.is_pseudonym_name(value, kind, locale) then value
  else (lethe.pseudonym_names(kind, locale))[1 + get_byte(lethe.keyed_hash(value, inner_pad, outer_pad), 0) % 32] || '*'
end;

comment on function lethe.pseudonym_name(text, bytea, bytea, text, text) is
  'One of 32 invented names, chosen by the value''s HMAC, and a star.';
