-- Sales: the ten dearest places by mean price per m², of those with five listings or more.
select
    localisation,
    count(*) as nombre_annonces,
    cast(round(cast(avg(prix) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_moyen,
    cast(round(cast(avg(prix_au_m2) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_m2_moyen,
    cast(round(cast(avg(surface) as decimal(18, 6)), 2) as decimal(14, 2)) as surface_moyenne
from silver.annonces_vue
where transaction = 'vente' and prix is not null and localisation is not null
group by localisation
having count(*) >= 5
order by avg(prix_au_m2) desc nulls last, localisation
limit 10
