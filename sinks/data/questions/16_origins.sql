-- Which share of each commodity is imported, by what the lines say of origin?
-- for: analyst
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT code, sum(amount) / 100 AS yuan, 100 * sumIf(amount, origin NOT IN ('', 'CN')) / sum(amount) AS percent
FROM sales_by_origin WHERE day BETWEEN today - 6 AND today AND origin != ''
GROUP BY code HAVING sum(amount) > 0 ORDER BY percent DESC, code
