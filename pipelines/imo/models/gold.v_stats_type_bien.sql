-- Figures by kind of property, over listings that state both price and surface: how many, mean price,
-- mean of the prices per m², smallest and largest price, mean surface, mean number of rooms.
with stated as (
    select
        type_titre,
        prix_eur,
        surface_m2,
        pieces,
        round(cast(
            cast(prix_eur as double precision)
            / nullif(cast(surface_m2 as double precision), 0)
            as decimal(18, 6)
        ), 2) as prix_m2
    from silver.annonces
    where prix_eur is not null and surface_m2 is not null
)

select
    type_titre as type_bien,
    count(*) as nombre_annonces,
    cast(round(cast(avg(prix_eur) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_moyen,
    cast(round(cast(avg(prix_m2) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_m2_moyen,
    min(prix_eur) as prix_min,
    max(prix_eur) as prix_max,
    cast(round(cast(avg(surface_m2) as decimal(18, 6)), 2) as decimal(14, 2)) as surface_moyenne,
    cast(round(cast(avg(pieces) as decimal(18, 6)), 1) as decimal(6, 1)) as pieces_moyennes
from stated
group by type_titre
order by count(*) desc, type_titre nulls last
