-- Asked by people: the market of each town, all kinds of property together.
-- Promises one row a town and transaction, the town with most listings first.
select
    lower(ville) as ville,
    transaction,
    count(*) as annonces,
    min(prix_eur) as prix_min,
    max(prix_eur) as prix_max
from silver.annonces
group by lower(ville), transaction
order by count(*) desc, lower(ville) nulls last, transaction nulls last
