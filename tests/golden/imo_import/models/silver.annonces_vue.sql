-- The first row of each reference, never a later one, under the names that the gold models read.
with numbered as (
    select
        o.*,
        row_number() over (
            partition by reference
            order by date_extraction, _sl_input, _sl_seq
        ) as rang
    from silver.observations as o
)

select
    row_number() over (order by date_extraction, reference) as id_annonce,
    reference,
    titre,
    titre_complet,
    prix,
    prix_detaille,
    cast(round(cast(
        cast(prix as double precision) / nullif(cast(surface as double precision), 0)
        as decimal(18, 6)
    ), 2) as decimal(12, 2)) as prix_au_m2,
    localisation,
    localisation_complete,
    surface,
    surface_terrain,
    pieces,
    type_bien,
    cast(null as varchar) as description,
    case
        when annee_construction <= extract(year from date_extraction) then annee_construction
    end as annee_construction,
    honoraires,
    image_url,
    nombre_photos,
    has_video is not null as has_video,
    has_visite_virtuelle is not null as has_visite_virtuelle,
    media_info,
    lien,
    date_extraction,
    dpe_classe_active,
    ges_classe_active,
    depenses_energie_min,
    depenses_energie_max,
    annee_reference,
    transaction,
    description_longueur,
    images,
    conseillers
from numbered
where rang = 1
