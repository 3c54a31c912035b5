-- The market: by transaction, kind of property and town (capitals do not matter), over the current
-- state of every listing that states a price. Prices per m² come from listings that also state a surface.
with priced as (
    select
        transaction,
        type_titre,
        lower(ville) as ville,
        prix_eur,
        surface_m2,
        cast(prix_eur as double precision)
        / nullif(cast(surface_m2 as double precision), 0) as prix_m2
    from silver.annonces
    where prix_eur is not null
)

select
    transaction,
    type_titre,
    ville,
    count(*) as annonces,
    cast(round(cast(avg(prix_eur) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_moyen,
    cast(round(cast(
        percentile_cont(0.5) within group (order by cast(prix_eur as double precision))
        as decimal(18, 6)
    ), 2) as decimal(14, 2)) as prix_median,
    min(prix_eur) as prix_min,
    max(prix_eur) as prix_max,
    count(prix_m2) as annonces_avec_surface,
    cast(round(cast(avg(prix_m2) as decimal(18, 6)), 2) as decimal(14, 2)) as prix_m2_moyen,
    cast(round(cast(
        percentile_cont(0.5) within group (order by prix_m2)
        as decimal(18, 6)
    ), 2) as decimal(14, 2)) as prix_m2_median,
    cast(round(cast(avg(surface_m2) as decimal(18, 6)), 2) as decimal(14, 2)) as surface_moyenne
from priced
group by transaction, type_titre, ville
