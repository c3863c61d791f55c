-- A search holds in memory what a view shows, and is brought forward by what changed since.
grant select on index_change to wharf_api;
