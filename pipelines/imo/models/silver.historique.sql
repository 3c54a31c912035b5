-- One row for each time that a listing showed another price, title or place than before, the first one
-- included: from which observation on, and what stood until then (NULL for the first). A place written
-- in capitals is the same place.
with shown as (
    select
        reference,
        'prix' as champ,
        cast(prix_eur as varchar) as valeur,
        cast(prix_eur as varchar) as egal,
        date_extraction,
        _sl_input,
        _sl_seq
    from silver.observations
    where prix_eur is not null
    union all
    select
        reference,
        'titre' as champ,
        titre as valeur,
        titre as egal,
        date_extraction,
        _sl_input,
        _sl_seq
    from silver.observations
    where titre is not null
    union all
    select
        reference,
        'lieu' as champ,
        localisation as valeur,
        lower(localisation) as egal,
        date_extraction,
        _sl_input,
        _sl_seq
    from silver.observations
    where localisation is not null
),

compared as (
    select
        reference,
        champ,
        valeur,
        egal,
        date_extraction,
        lag(valeur) over (
            partition by reference, champ
            order by date_extraction, _sl_input, _sl_seq
        ) as valeur_avant,
        lag(egal) over (
            partition by reference, champ
            order by date_extraction, _sl_input, _sl_seq
        ) as egal_avant
    from shown
)

select
    reference,
    champ,
    date_extraction as depuis,
    valeur,
    valeur_avant
from compared
where egal_avant is distinct from egal
