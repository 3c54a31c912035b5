-- One row a listing: per field the newest value that was stated, so that a poorer page never erases
-- what a richer one said. Newest is by date_extraction; the place in the input breaks ties.
-- Of fields that two places of a page state, both values, where the field was taken from (…_source), and
-- whether the two disagree (…_conflit; NULL when only one speaks). Rooms and surface of the features go
-- before those of any address; sentence and page count together, from the newest page that states either.
-- gone_at: when the first complete collection of a scope ended that began after the listing was last seen
-- and does not show it, while an earlier one of that scope did.
with numbered as (
    select
        o.*,
        row_number() over (
            partition by reference
            order by date_extraction, _sl_input, _sl_seq
        ) as n
    from silver.observations as o
),

newest as (
    select
        reference,
        min(date_extraction) as first_seen,
        max(date_extraction) as last_seen,
        count(*) as observations,
        max(case when transaction is not null then n end) as transaction_n,
        max(case when type_titre is not null then n end) as type_titre_n,
        max(case when ville is not null then n end) as ville_n,
        max(case when code_postal is not null then n end) as code_postal_n,
        max(case when prix_eur is not null then n end) as prix_eur_n,
        max(case when pieces_caracteristiques is not null then n end) as pieces_caracteristiques_n,
        max(case when pieces_adresse is not null then n end) as pieces_adresse_n,
        max(case when chambres is not null then n end) as chambres_n,
        max(case when surface_caracteristiques is not null then n end) as surface_caracteristiques_n,
        max(case when surface_adresse is not null then n end) as surface_adresse_n,
        max(case when surface_brute_m2 is not null then n end) as surface_brute_m2_n,
        max(case when terrain_m2 is not null then n end) as terrain_m2_n,
        max(case when etage is not null then n end) as etage_n,
        max(case when etages_total is not null then n end) as etages_total_n,
        max(case when rez_de_chaussee is not null then n end) as rez_de_chaussee_n,
        max(case when ascenseur is not null then n end) as ascenseur_n,
        max(case when annee is not null then n end) as annee_n,
        max(case when photos_annoncees is not null then n end) as photos_annoncees_n,
        max(case when photos_propres_390 is not null then n end) as photos_propres_390_n,
        max(case when dpe_classe is not null then n end) as dpe_classe_n,
        max(case when dpe_indice is not null then n end) as dpe_indice_n,
        max(case when ges_classe is not null then n end) as ges_classe_n,
        max(case when ges_indice is not null then n end) as ges_indice_n,
        max(case when copro_lots is not null then n end) as copro_lots_n,
        max(case when copro_procedure is not null then n end) as copro_procedure_n,
        max(case when charges_mois is not null then n end) as charges_mois_n,
        max(case when charges_an is not null then n end) as charges_an_n,
        max(case when honoraires_charge is not null then n end) as honoraires_charge_n,
        max(case when meuble is not null then n end) as meuble_n,
        max(case when charges_locatives_mois is not null then n end) as charges_locatives_mois_n,
        max(case when depot_garantie is not null then n end) as depot_garantie_n,
        max(case when honoraires_locataire is not null then n end) as honoraires_locataire_n,
        max(case when note_conseiller is not null then n end) as note_conseiller_n,
        max(case when nb_avis is not null then n end) as nb_avis_n,
        max(case when titre is not null then n end) as titre_n,
        max(case when titre_complet is not null then n end) as titre_complet_n,
        max(case when localisation is not null then n end) as localisation_n,
        max(case when localisation_complete is not null then n end) as localisation_complete_n,
        max(case when prix_detaille is not null then n end) as prix_detaille_n,
        max(case when honoraires is not null then n end) as honoraires_n,
        max(case when image_url is not null then n end) as image_url_n,
        max(case when lien is not null then n end) as lien_n,
        max(case when media_info is not null then n end) as media_info_n,
        max(case when depenses_energie_min is not null then n end) as depenses_energie_min_n,
        max(case when depenses_energie_max is not null then n end) as depenses_energie_max_n,
        max(case when annee_reference is not null then n end) as annee_reference_n,
        max(case when video is not null then n end) as video_n,
        max(case when visite_virtuelle is not null then n end) as visite_virtuelle_n,
        max(case when images_lues is not null then n end) as images_lues_n,
        max(case when description_longueur is not null then n end) as description_longueur_n,
        max(case when conseillers is not null then n end) as conseillers_n
    from numbered
    group by reference
),

shown_in as (
    select distinct
        w.reference,
        w.last_seen,
        r.perimetre
    from newest as w
    inner join numbered as o on w.reference = o.reference
    inner join silver.releves as r on o._sl_input = r.releve
),

gone as (
    select
        s.reference,
        min(later.fin) as gone_at
    from shown_in as s
    inner join silver.releves as later
        on
            s.perimetre = later.perimetre
            and s.last_seen < later.debut
            and later.complet
    group by s.reference
),

stated as (
    select
        o.reference,
        max(case when o.n = w.transaction_n then o.transaction end) as transaction,
        max(case when o.n = w.type_titre_n then o.type_titre end) as type_titre,
        max(case when o.n = w.ville_n then o.ville end) as ville,
        max(case when o.n = w.code_postal_n then o.code_postal end) as code_postal,
        max(case when o.n = w.prix_eur_n then o.prix_eur end) as prix_eur,
        max(case when o.n = w.chambres_n then o.chambres end) as chambres,
        max(case when o.n = w.surface_brute_m2_n then o.surface_brute_m2 end) as surface_brute_m2,
        max(case when o.n = w.terrain_m2_n then o.terrain_m2 end) as terrain_m2,
        max(case when o.n = w.etage_n then o.etage end) as etage,
        max(case when o.n = w.etages_total_n then o.etages_total end) as etages_total,
        max(case when o.n = w.rez_de_chaussee_n then o.rez_de_chaussee end) as rez_de_chaussee,
        max(case when o.n = w.ascenseur_n then o.ascenseur end) as ascenseur,
        max(case when o.n = w.annee_n then o.annee end) as annee,
        max(case when o.n = w.photos_annoncees_n then o.photos_annoncees end) as photos_annoncees,
        max(case when o.n = w.photos_propres_390_n then o.photos_propres_390 end) as photos_propres_390,
        max(case when o.n = w.dpe_classe_n then o.dpe_classe end) as dpe_classe,
        max(case when o.n = w.dpe_indice_n then o.dpe_indice end) as dpe_indice,
        max(case when o.n = w.ges_classe_n then o.ges_classe end) as ges_classe,
        max(case when o.n = w.ges_indice_n then o.ges_indice end) as ges_indice,
        max(case when o.n = w.copro_lots_n then o.copro_lots end) as copro_lots,
        max(case when o.n = w.copro_procedure_n then o.copro_procedure end) as copro_procedure,
        max(case when o.n = w.charges_mois_n then o.charges_mois end) as charges_mois,
        max(case when o.n = w.charges_an_n then o.charges_an end) as charges_an,
        max(case when o.n = w.honoraires_charge_n then o.honoraires_charge end) as honoraires_charge,
        max(case when o.n = w.meuble_n then o.meuble end) as meuble,
        max(case when o.n = w.charges_locatives_mois_n then o.charges_locatives_mois end) as charges_locatives_mois,
        max(case when o.n = w.depot_garantie_n then o.depot_garantie end) as depot_garantie,
        max(case when o.n = w.honoraires_locataire_n then o.honoraires_locataire end) as honoraires_locataire,
        max(case when o.n = w.note_conseiller_n then o.note_conseiller end) as note_conseiller,
        max(case when o.n = w.nb_avis_n then o.nb_avis end) as nb_avis,
        min(w.first_seen) as first_seen,
        max(w.last_seen) as last_seen,
        max(w.observations) as observations,
        max(case when o.n = w.titre_n then o.titre end) as titre,
        max(case when o.n = w.titre_complet_n then o.titre_complet end) as titre_complet,
        max(case when o.n = w.localisation_n then o.localisation end) as localisation,
        max(case when o.n = w.localisation_complete_n then o.localisation_complete end) as localisation_complete,
        max(case when o.n = w.prix_detaille_n then o.prix_detaille end) as prix_detaille,
        max(case when o.n = w.honoraires_n then o.honoraires end) as honoraires,
        max(case when o.n = w.image_url_n then o.image_url end) as image_url,
        max(case when o.n = w.lien_n then o.lien end) as lien,
        max(case when o.n = w.media_info_n then o.media_info end) as media_info,
        max(case when o.n = w.depenses_energie_min_n then o.depenses_energie_min end) as depenses_energie_min,
        max(case when o.n = w.depenses_energie_max_n then o.depenses_energie_max end) as depenses_energie_max,
        max(case when o.n = w.annee_reference_n then o.annee_reference end) as annee_reference,
        max(case when o.n = w.video_n then o.video end) as video,
        max(case when o.n = w.visite_virtuelle_n then o.visite_virtuelle end) as visite_virtuelle,
        max(case when o.n = w.images_lues_n then o.images_lues end) as images_lues,
        max(case when o.n = w.description_longueur_n then o.description_longueur end) as description_longueur,
        max(case when o.n = w.conseillers_n then o.conseillers end) as conseillers,
        max(case when o.n = w.pieces_caracteristiques_n then o.pieces_caracteristiques end) as pieces_caracteristiques,
        max(case when o.n = w.pieces_adresse_n then o.pieces_adresse end) as pieces_adresse,
        max(case when o.n = w.surface_caracteristiques_n then o.surface_caracteristiques end) as surface_caracteristiques,
        max(case when o.n = w.surface_adresse_n then o.surface_adresse end) as surface_adresse,
        max(case when o.n = w.dpe_classe_n then o.dpe_phrase end) as dpe_phrase,
        max(case when o.n = w.dpe_classe_n then o.dpe_page end) as dpe_page,
        max(case when o.n = w.ges_classe_n then o.ges_phrase end) as ges_phrase,
        max(case when o.n = w.ges_classe_n then o.ges_page end) as ges_page,
        max(case when o.n = w.copro_lots_n then o.copro_lots_phrase end) as copro_lots_phrase,
        max(case when o.n = w.copro_lots_n then o.copro_lots_page end) as copro_lots_page,
        max(case when o.n = w.charges_an_n then o.charges_an_phrase end) as charges_an_phrase,
        max(case when o.n = w.charges_an_n then o.charges_an_page end) as charges_an_page
    from numbered as o
    inner join newest as w on o.reference = w.reference
    group by o.reference
),

-- What a listing should state; a garage, a car park and land have no rooms.
quality as (
    select
        reference,
        case when prix_eur is null then 1 else 0 end as sans_prix,
        case
            when surface_caracteristiques is not null or surface_adresse is not null then 0
            when surface_brute_m2 is not null or terrain_m2 is not null then 0
            else 1
        end as sans_surface,
        case
            when pieces_caracteristiques is not null or pieces_adresse is not null then 0
            when lower(type_titre) like 'garage%' or lower(type_titre) like 'parking%' then 0
            when lower(type_titre) like 'box%' or lower(type_titre) like 'terrain%' then 0
            else 1
        end as sans_pieces,
        case when code_postal is null then 1 else 0 end as sans_code_postal
    from stated
)

select
    s.reference,
    s.transaction,
    s.type_titre,
    s.ville,
    s.code_postal,
    s.prix_eur,
    coalesce(s.pieces_caracteristiques, s.pieces_adresse) as pieces,
    s.chambres,
    coalesce(s.surface_caracteristiques, s.surface_adresse) as surface_m2,
    s.surface_brute_m2,
    s.terrain_m2,
    s.etage,
    s.etages_total,
    s.rez_de_chaussee,
    s.ascenseur,
    s.annee,
    s.photos_annoncees,
    s.photos_propres_390,
    s.dpe_classe,
    s.dpe_indice,
    s.ges_classe,
    s.ges_indice,
    s.copro_lots,
    s.copro_procedure,
    s.charges_mois,
    s.charges_an,
    s.honoraires_charge,
    s.meuble,
    s.charges_locatives_mois,
    s.depot_garantie,
    s.honoraires_locataire,
    s.note_conseiller,
    s.nb_avis,
    s.first_seen,
    s.last_seen,
    g.gone_at,
    s.observations,
    cast(
        2.5 * (4 - q.sans_prix - q.sans_surface - q.sans_pieces - q.sans_code_postal)
        as decimal(3, 1)
    ) as score_qualite,
    nullif(trim(
        case when q.sans_prix = 1 then 'prix ' else '' end
        || case when q.sans_surface = 1 then 'surface ' else '' end
        || case when q.sans_pieces = 1 then 'pieces ' else '' end
        || case when q.sans_code_postal = 1 then 'code_postal' else '' end
    ), '') as champs_manquants,
    s.titre,
    s.titre_complet,
    s.localisation,
    s.localisation_complete,
    s.prix_detaille,
    s.honoraires,
    s.image_url,
    s.lien,
    s.media_info,
    s.depenses_energie_min,
    s.depenses_energie_max,
    s.annee_reference,
    s.video,
    s.visite_virtuelle,
    s.images_lues,
    s.description_longueur,
    s.conseillers,
    s.pieces_caracteristiques,
    s.pieces_adresse,
    case
        when s.pieces_caracteristiques is not null then 'caracteristiques'
        when s.pieces_adresse is not null then 'adresse'
    end as pieces_source,
    s.pieces_caracteristiques <> s.pieces_adresse as pieces_conflit,
    s.surface_caracteristiques,
    s.surface_adresse,
    case
        when s.surface_caracteristiques is not null then 'caracteristiques'
        when s.surface_adresse is not null then 'adresse'
    end as surface_source,
    abs(s.surface_caracteristiques - s.surface_adresse) >= 1 as surface_conflit,
    s.dpe_phrase,
    s.dpe_page,
    case
        when s.dpe_phrase is not null then 'phrase'
        when s.dpe_page is not null then 'page'
    end as dpe_source,
    s.dpe_phrase <> s.dpe_page as dpe_conflit,
    s.ges_phrase,
    s.ges_page,
    case
        when s.ges_phrase is not null then 'phrase'
        when s.ges_page is not null then 'page'
    end as ges_source,
    s.ges_phrase <> s.ges_page as ges_conflit,
    s.copro_lots_phrase,
    s.copro_lots_page,
    case
        when s.copro_lots_phrase is not null then 'phrase'
        when s.copro_lots_page is not null then 'page'
    end as copro_lots_source,
    s.copro_lots_phrase <> s.copro_lots_page as copro_lots_conflit,
    s.charges_an_phrase,
    s.charges_an_page,
    case
        when s.charges_an_phrase is not null then 'phrase'
        when s.charges_an_page is not null then 'page'
    end as charges_an_source,
    abs(s.charges_an_phrase - s.charges_an_page) >= 1 as charges_an_conflit
from stated as s
inner join quality as q on s.reference = q.reference
left join gone as g on s.reference = g.reference
