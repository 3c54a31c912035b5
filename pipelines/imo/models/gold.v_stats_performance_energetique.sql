-- Sales by energy class, A to G.
select
    dpe_classe_active as classe_energie,
    count(*) as nombre_biens,
    cast(round(cast(avg(prix) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_moyen,
    cast(round(cast(avg(prix_au_m2) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_m2_moyen,
    cast(round(cast(avg(surface) as decimal(18, 6)), 2) as decimal(14, 2)) as surface_moyenne
from silver.annonces_vue
where transaction = 'vente' and dpe_classe_active is not null
group by dpe_classe_active
order by dpe_classe_active
