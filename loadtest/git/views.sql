-- Prints the bodies of requests for entitlements, one a line: 50 names, 1 % by name, 10 % by prefix, then small views of
-- 50 names, each another.
--
--   psql -v small=1000 -f views.sql

\set ON_ERROR_STOP on
select count(*) as crates from loadtest.krate \gset

select json_build_object('name', '50 names', 'rules', json_build_array(json_build_object('allow', json_agg(name))))
from (select name from loadtest.krate where number % (:crates / 50) = 7 order by number limit 50) k;

-- No rule may hold more than 1,000 patterns.
select json_build_object('name', '1 % by name', 'rules', json_agg(json_build_object('allow', names)))
from (
    select json_agg(name) as names from loadtest.krate where number % 100 = 3 group by number / 100000
) k;

select json_build_object('name', '10 % by prefix', 'rules',
    json_build_array(json_build_object('allow', json_agg(prefix || '*'))))
from (
    select prefix, sum(crates) over (order by md5(prefix)) as shown
    from (select substr(name, 1, 3) as prefix, count(*) as crates from loadtest.krate group by 1) p
) p
where shown <= :crates / 10;

select json_build_object('name', 'small view ' || view, 'rules', json_build_array(json_build_object('allow', json_agg(k.name))))
from generate_series(1, :small) view
cross join lateral generate_series(1, 50) n
join loadtest.krate k on k.number = 1 + loadtest.hash(view || '!' || n, :crates)
group by view order by view;
