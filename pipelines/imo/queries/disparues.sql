-- Asked by people: which listings are gone, as far as a later complete collection tells.
-- Promises one row a listing, the last to go first.
select
    reference,
    transaction,
    type_titre,
    ville,
    prix_eur,
    first_seen,
    last_seen,
    gone_at
from silver.annonces
where gone_at is not null
order by gone_at desc, reference
