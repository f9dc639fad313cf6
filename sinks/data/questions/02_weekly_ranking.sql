-- Which commodities rose and fell most within a week?
-- for: analyst
-- The same SKU in the same shop against seven days before: a change of what people buy is no change of price.
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT p.code AS code, t.name_zh AS name, sum(items) AS matched, 100 * (exp(sum(log_relatives) / matched) - 1) AS percent
FROM price_relatives AS p LEFT JOIN taxonomy AS t ON t.code = p.code
WHERE day = today GROUP BY code, name HAVING matched >= 10 ORDER BY percent DESC
