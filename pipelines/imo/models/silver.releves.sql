-- One row a collection (an input): when it ran, what it looked at, and whether it saw that whole.
-- Its scope is what most of its rows say: site, sale or rental, kind of search and town (a search of a
-- town also shows suburbs; layouts that do not name the search always made the usual one, "ancien").
-- Whether it saw the scope whole is judged by what was known before: it is complete when it shows again
-- at least half of the listings of the last wide collection of its scope, wide being one with at least
-- half as many listings as the largest before. A few cards of the same town are not complete.
with seen as (
    select
        _sl_input as releve,
        reference,
        date_extraction,
        split_part(lien, '/', 3)
        || '|' || coalesce(transaction, '')
        || '|' || coalesce(recherche, 'ancien')
        || '|' || coalesce(lower(ville), '') as perimetre
    from silver.observations
),

ranked as (
    select
        releve,
        perimetre,
        row_number() over (
            partition by releve
            order by count(*) desc, perimetre nulls last
        ) as rang
    from seen
    group by releve, perimetre
),

releve as (
    select
        s.releve,
        r.perimetre,
        min(s.date_extraction) as debut,
        max(s.date_extraction) as fin,
        count(*) as lignes,
        count(distinct s.reference) as annonces
    from seen as s
    inner join ranked as r on s.releve = r.releve and r.rang = 1
    group by s.releve, r.perimetre
),

earlier as (
    select
        o.releve,
        e.releve as avant,
        e.annonces,
        e.fin,
        max(e.annonces) over (partition by o.releve) as annonces_max
    from releve as o
    inner join releve as e on o.perimetre = e.perimetre and o.debut > e.fin
),

wide as (
    select
        releve,
        avant,
        annonces,
        row_number() over (partition by releve order by fin desc, avant) as rang
    from earlier
    where 2 * annonces >= annonces_max
),

again as (
    select
        w.releve,
        w.annonces as connues,
        count(distinct n.reference) as revues
    from wide as w
    inner join seen as b on w.avant = b.releve
    left join seen as n on w.releve = n.releve and b.reference = n.reference
    where w.rang = 1
    group by w.releve, w.annonces
)

select
    r.releve,
    r.perimetre,
    r.debut,
    r.fin,
    r.lignes,
    r.annonces,
    a.connues,
    a.revues,
    coalesce(2 * a.revues >= a.connues, false) as complet
from releve as r
left join again as a on r.releve = a.releve
