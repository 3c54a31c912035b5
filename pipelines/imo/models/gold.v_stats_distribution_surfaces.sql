-- Sales: surfaces of each kind of property.
select
    type_bien,
    count(*) as total,
    cast(round(cast(avg(surface) as decimal(18, 6)), 2) as decimal(14, 2)) as moyenne,
    min(surface) as minimum,
    max(surface) as maximum,
    cast(round(cast(
        percentile_cont(0.5) within group (order by cast(surface as double precision))
        as decimal(18, 6)
    ), 2) as decimal(14, 2)) as mediane
from silver.annonces_vue
where transaction = 'vente' and surface > 0
group by type_bien
order by count(*) desc, type_bien nulls last
