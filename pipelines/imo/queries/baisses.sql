-- Asked by people: which listings became cheaper, and by how much.
-- Promises one row for each fall, the largest first.
select
    h.reference,
    a.type_titre,
    a.ville,
    h.depuis,
    h.prix_avant,
    h.prix_eur,
    h.prix_avant - h.prix_eur as baisse
from silver.historique_prix as h
inner join silver.annonces as a on h.reference = a.reference
where h.prix_eur < h.prix_avant
order by baisse desc, h.reference, h.depuis
