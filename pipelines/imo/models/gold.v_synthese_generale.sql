-- One row: all listings, and the means of the sales (rents are another scale).
select
    count(*) as total_annonces,
    count(distinct localisation) as communes_couvertes,
    cast(round(cast(avg(case when transaction = 'vente' then prix end) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_moyen_general,
    cast(round(cast(avg(case when transaction = 'vente' then prix_au_m2 end) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_m2_moyen_general,
    cast(round(cast(avg(case when transaction = 'vente' then surface end) as decimal(18, 6)), 2) as decimal(14, 2)) as surface_moyenne_generale,
    cast(coalesce(sum(images), 0) as bigint) as total_photos,
    cast(coalesce(sum(conseillers), 0) as bigint) as total_conseillers,
    max(date_extraction) as derniere_mise_a_jour
from silver.annonces_vue
