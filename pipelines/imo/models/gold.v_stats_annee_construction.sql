-- Sales that state a price, by period of construction, the oldest first.
with dated as (
    select
        prix,
        prix_au_m2,
        case
            when annee_construction < 1900 then 'Avant 1900'
            when annee_construction <= 1945 then '1900-1945'
            when annee_construction <= 1970 then '1946-1970'
            when annee_construction <= 1990 then '1971-1990'
            when annee_construction <= 2010 then '1991-2010'
            when annee_construction > 2010 then 'Après 2010'
            else 'Non renseigné'
        end as periode_construction,
        coalesce(annee_construction, 9999) as annee
    from silver.annonces_vue
    where transaction = 'vente' and prix is not null
)

select
    periode_construction,
    count(*) as nombre_biens,
    cast(round(cast(avg(prix) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_moyen,
    cast(round(cast(avg(prix_au_m2) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_m2_moyen
from dated
group by periode_construction
order by min(annee)
