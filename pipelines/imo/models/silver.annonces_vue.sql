-- The listings under the names that the gold models, and everything that serves them, read. What is
-- said about one place is said in one spelling: the one not in capitals, where there is one.
-- description stays in bronze (it names people); its length is here.
select
    row_number() over (order by first_seen, reference) as id_annonce,
    reference,
    titre,
    titre_complet,
    prix_eur as prix,
    prix_detaille,
    cast(round(cast(
        cast(prix_eur as double precision)
        / nullif(cast(coalesce(surface_m2, surface_brute_m2) as double precision), 0)
        as decimal(18, 6)
    ), 2) as decimal(12, 2)) as prix_au_m2,
    coalesce(
        min(case when localisation <> upper(localisation) then localisation end)
            over (partition by lower(localisation)),
        localisation
    ) as localisation,
    localisation_complete,
    coalesce(surface_m2, surface_brute_m2) as surface,
    terrain_m2 as surface_terrain,
    pieces,
    type_titre as type_bien,
    cast(null as varchar) as description,
    annee as annee_construction,
    honoraires,
    image_url,
    photos_annoncees as nombre_photos,
    coalesce(video, 0) = 1 as has_video,
    coalesce(visite_virtuelle, 0) = 1 as has_visite_virtuelle,
    media_info,
    lien,
    last_seen as date_extraction,
    dpe_classe as dpe_classe_active,
    ges_classe as ges_classe_active,
    depenses_energie_min,
    depenses_energie_max,
    annee_reference,
    transaction,
    ville,
    code_postal,
    description_longueur,
    photos_propres_390 as images,
    conseillers,
    first_seen,
    gone_at
from silver.annonces
