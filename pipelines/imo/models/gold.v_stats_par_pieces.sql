-- Sales by number of rooms, of numbers with three listings or more.
select
    pieces,
    count(*) as nombre_annonces,
    cast(round(cast(avg(prix) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_moyen,
    cast(round(cast(avg(surface) as decimal(18, 6)), 2) as decimal(14, 2)) as surface_moyenne,
    cast(round(cast(avg(prix_au_m2) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_m2_moyen
from silver.annonces_vue
where transaction = 'vente' and pieces > 0
group by pieces
having count(*) >= 3
order by pieces
