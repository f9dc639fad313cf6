-- What is the price index of food against a week before (Laspeyres)?
-- for: analyst
-- Relatives of matched items by commodity, weighted by the turnover of the week before.
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT w.province AS province, 100 * sum(w.amount * r.relative) / sum(w.amount) AS laspeyres, toInt64(count()) AS commodities
FROM (
    SELECT code, substring(county, 1, 2) AS province, exp(sum(log_relatives) / sum(items)) AS relative
    FROM price_relatives WHERE day = today GROUP BY code, province
) AS r
INNER JOIN (
    SELECT code, province, sum(amount) AS amount FROM cells_1d
    WHERE day BETWEEN today - 13 AND today - 7 GROUP BY code, province
) AS w ON w.code = r.code AND w.province = r.province
WHERE r.code < '10' GROUP BY province ORDER BY province
