-- Sales by number of photos and length of description.
with described as (
    select
        prix,
        case
            when nombre_photos = 0 then 'Aucune photo'
            when nombre_photos between 1 and 5 then '1-5 photos'
            when nombre_photos between 6 and 10 then '6-10 photos'
            when nombre_photos > 10 then 'Plus de 10 photos'
            else 'Non renseigné'
        end as nb_photos,
        case
            when description_longueur < 100 then 'Description courte'
            when description_longueur <= 500 then 'Description moyenne'
            when description_longueur > 500 then 'Description détaillée'
            else 'Pas de description'
        end as longueur_description
    from silver.annonces_vue
    where transaction = 'vente'
)

select
    nb_photos,
    longueur_description,
    count(*) as nombre_annonces,
    cast(round(cast(avg(prix) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_moyen
from described
group by nb_photos, longueur_description
order by count(*) desc, nb_photos, longueur_description
