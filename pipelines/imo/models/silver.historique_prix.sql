-- One row for each time that a listing showed another price than before, its first price included:
-- from which observation on, and the price that stood until then (NULL for the first).
with priced as (
    select
        reference,
        date_extraction,
        prix_eur,
        lag(prix_eur) over (
            partition by reference
            order by date_extraction, _sl_input, _sl_seq
        ) as prix_avant
    from silver.observations
    where prix_eur is not null
)

select
    reference,
    date_extraction as depuis,
    prix_eur,
    prix_avant
from priced
where prix_avant is distinct from prix_eur
