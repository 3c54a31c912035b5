-- Sales by kind of property, over listings that state both price and surface: how many, mean price, mean
-- of the prices per m², smallest and largest price, mean surface, mean number of rooms.
select
    type_bien,
    count(*) as nombre_annonces,
    cast(round(cast(avg(prix) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_moyen,
    cast(round(cast(avg(prix_au_m2) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_m2_moyen,
    min(prix) as prix_min,
    max(prix) as prix_max,
    cast(round(cast(avg(surface) as decimal(18, 6)), 2) as decimal(14, 2)) as surface_moyenne,
    cast(round(cast(avg(pieces) as decimal(18, 6)), 1) as decimal(6, 1)) as pieces_moyennes
from silver.annonces_vue
where transaction = 'vente' and prix is not null and surface is not null
group by type_bien
order by count(*) desc, type_bien nulls last
