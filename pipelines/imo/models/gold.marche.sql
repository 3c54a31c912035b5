-- The market: by transaction, kind of property and town (capitals do not matter), over every listing
-- that states a price. Prices per m² come from listings that also state a surface.
-- The reference of a price per m² is the median, with the median distance from it, of the finest level
-- that has at least 5 such listings: kind in town, family of kinds in town, family everywhere. The last
-- one answers whatever its number, which reference_annonces tells.
with priced as (
    select
        transaction,
        type_bien,
        case
            when lower(type_bien) like 'maison%' then 'maison'
            when lower(type_bien) in ('villa', 'demeure', 'domaine') then 'maison'
            when lower(type_bien) in ('appartement', 'studio', 'duplex', 'loft') then 'appartement'
            when lower(type_bien) like 'terrain%' then 'terrain'
            when lower(type_bien) in ('garage', 'parking', 'box') then 'stationnement'
            when lower(type_bien) like 'local%' then 'local'
            when lower(type_bien) like 'bouti%' or lower(type_bien) like 'bureau%' then 'local'
            else lower(type_bien)
        end as famille,
        lower(ville) as ville,
        prix,
        surface,
        gone_at,
        cast(prix_au_m2 as double precision) as prix_m2
    from silver.annonces_vue
    where prix is not null
),

cell as (
    select
        transaction,
        type_bien,
        famille,
        ville,
        count(*) as annonces,
        count(*) - count(gone_at) as annonces_en_ligne,
        avg(prix) as prix_moyen,
        percentile_cont(0.5) within group (order by cast(prix as double precision)) as prix_median,
        min(prix) as prix_min,
        max(prix) as prix_max,
        count(prix_m2) as annonces_avec_surface,
        avg(prix_m2) as prix_m2_moyen,
        percentile_cont(0.5) within group (order by prix_m2) as prix_m2_median,
        avg(surface) as surface_moyenne
    from priced
    group by transaction, type_bien, famille, ville
),

-- Every listing counts at three levels: what is grouped, and in which town ('*' stands for all).
levelled as (
    select 1 as niveau, transaction, type_bien as groupe, ville, prix_m2 from priced
    union all
    select 2 as niveau, transaction, famille as groupe, ville, prix_m2 from priced
    union all
    select 3 as niveau, transaction, famille as groupe, '*' as ville, prix_m2 from priced
),

level_median as (
    select
        niveau,
        coalesce(transaction, '') as transaction,
        coalesce(groupe, '') as groupe,
        coalesce(ville, '') as ville,
        count(prix_m2) as annonces,
        percentile_cont(0.5) within group (order by prix_m2) as mediane
    from levelled
    group by niveau, coalesce(transaction, ''), coalesce(groupe, ''), coalesce(ville, '')
),

level as (
    select
        m.niveau,
        m.transaction,
        m.groupe,
        m.ville,
        m.annonces,
        m.mediane,
        percentile_cont(0.5) within group (order by abs(l.prix_m2 - m.mediane)) as ecart
    from level_median as m
    inner join levelled as l
        on
            m.niveau = l.niveau
            and m.transaction = coalesce(l.transaction, '')
            and m.groupe = coalesce(l.groupe, '')
            and m.ville = coalesce(l.ville, '')
    group by m.niveau, m.transaction, m.groupe, m.ville, m.annonces, m.mediane
),

reference as (
    select
        c.transaction,
        c.type_bien,
        c.ville,
        l.niveau,
        l.annonces,
        l.mediane,
        l.ecart,
        row_number() over (
            partition by c.transaction, c.type_bien, c.ville
            order by case when l.annonces >= 5 or l.niveau = 3 then l.niveau else 4 end
        ) as rang
    from cell as c
    inner join level as l
        on
            coalesce(c.transaction, '') = l.transaction
            and l.groupe = coalesce(case l.niveau when 1 then c.type_bien else c.famille end, '')
            and l.ville in (coalesce(c.ville, ''), '*')
)

select
    c.transaction,
    c.type_bien as type_titre,
    c.ville,
    c.annonces,
    c.annonces_en_ligne,
    cast(round(cast(c.prix_moyen as decimal(18, 6)), 2) as decimal(14, 2)) as prix_moyen,
    cast(round(cast(c.prix_median as decimal(18, 6)), 2) as decimal(14, 2)) as prix_median,
    c.prix_min,
    c.prix_max,
    c.annonces_avec_surface,
    cast(round(cast(c.prix_m2_moyen as decimal(18, 6)), 2) as decimal(14, 2)) as prix_m2_moyen,
    cast(round(cast(c.prix_m2_median as decimal(18, 6)), 2) as decimal(14, 2)) as prix_m2_median,
    cast(round(cast(c.surface_moyenne as decimal(18, 6)), 2) as decimal(14, 2)) as surface_moyenne,
    case r.niveau
        when 1 then 'type et ville'
        when 2 then 'famille et ville'
        else 'famille'
    end as reference_niveau,
    r.annonces as reference_annonces,
    cast(round(cast(r.mediane as decimal(18, 6)), 2) as decimal(14, 2)) as reference_prix_m2,
    cast(round(cast(r.ecart as decimal(18, 6)), 2) as decimal(14, 2)) as reference_ecart
from cell as c
inner join reference as r
    on
        r.rang = 1
        and c.transaction is not distinct from r.transaction
        and c.type_bien is not distinct from r.type_bien
        and c.ville is not distinct from r.ville
