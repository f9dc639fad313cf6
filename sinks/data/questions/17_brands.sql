-- How concentrated are the brands of each commodity (Herfindahl index, 1 is a monopoly)?
-- for: auditor
-- A brand may be one enterprise's own.
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT code, toInt64(count()) AS brands, sum(pow(share, 2)) AS herfindahl, argMax(brand, share) AS first, max(share) AS of_first
FROM (
    SELECT code, brand, sum(amount) AS yuan, yuan / sum(yuan) OVER (PARTITION BY code) AS share
    FROM sales_by_brand WHERE day BETWEEN today - 6 AND today AND brand != ''
    GROUP BY code, brand HAVING yuan > 0
)
GROUP BY code ORDER BY herfindahl DESC, code
