-- One row a listing: per field the newest value that was stated, so that a poorer page never erases
-- what a richer one said. Newest is by date_extraction; the place in the input breaks ties.
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
        max(case when transaction is not null then n end) as transaction_n,
        max(case when type_titre is not null then n end) as type_titre_n,
        max(case when ville is not null then n end) as ville_n,
        max(case when code_postal is not null then n end) as code_postal_n,
        max(case when prix_eur is not null then n end) as prix_eur_n,
        max(case when pieces is not null then n end) as pieces_n,
        max(case when chambres is not null then n end) as chambres_n,
        max(case when surface_m2 is not null then n end) as surface_m2_n,
        max(case when surface_brute_m2 is not null then n end) as surface_brute_m2_n,
        max(case when terrain_m2 is not null then n end) as terrain_m2_n,
        max(case when dpe_classe is not null then n end) as dpe_classe_n,
        max(case when dpe_indice is not null then n end) as dpe_indice_n,
        max(case when ges_classe is not null then n end) as ges_classe_n,
        max(case when ges_indice is not null then n end) as ges_indice_n,
        max(case when titre is not null then n end) as titre_n,
        max(case when lien is not null then n end) as lien_n
    from numbered
    group by reference
)

select
    o.reference,
    max(case when o.n = w.transaction_n then o.transaction end) as transaction,
    max(case when o.n = w.type_titre_n then o.type_titre end) as type_titre,
    max(case when o.n = w.ville_n then o.ville end) as ville,
    max(case when o.n = w.code_postal_n then o.code_postal end) as code_postal,
    max(case when o.n = w.prix_eur_n then o.prix_eur end) as prix_eur,
    max(case when o.n = w.pieces_n then o.pieces end) as pieces,
    max(case when o.n = w.chambres_n then o.chambres end) as chambres,
    max(case when o.n = w.surface_m2_n then o.surface_m2 end) as surface_m2,
    max(case when o.n = w.surface_brute_m2_n then o.surface_brute_m2 end) as surface_brute_m2,
    max(case when o.n = w.terrain_m2_n then o.terrain_m2 end) as terrain_m2,
    max(case when o.n = w.dpe_classe_n then o.dpe_classe end) as dpe_classe,
    max(case when o.n = w.dpe_indice_n then o.dpe_indice end) as dpe_indice,
    max(case when o.n = w.ges_classe_n then o.ges_classe end) as ges_classe,
    max(case when o.n = w.ges_indice_n then o.ges_indice end) as ges_indice,
    min(o.date_extraction) as first_seen,
    max(o.date_extraction) as last_seen,
    count(*) as observations,
    max(case when o.n = w.titre_n then o.titre end) as titre,
    max(case when o.n = w.lien_n then o.lien end) as lien
from numbered as o
inner join newest as w on o.reference = w.reference
group by o.reference
