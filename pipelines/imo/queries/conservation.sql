-- Asked by the monthly job: which collections lie behind the 24 months that listings are kept.
-- Promises one row a collection, the oldest first. :interval_end is the end of the month looked at.
select
    releve,
    perimetre,
    debut,
    fin,
    lignes,
    annonces
from silver.releves
where fin < :interval_end::timestamptz - interval '24 months'
order by debut, releve
