-- Which commodities gained and lost turnover against the week before?
-- for: analyst
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT c.code AS code, t.name_zh AS name, sumIf(amount, day > today - 7) / 100 AS yuan,
       sumIf(amount, day <= today - 7) / 100 AS week_before, 100 * (yuan / week_before - 1) AS percent
FROM cells_1d AS c LEFT JOIN taxonomy AS t ON t.code = c.code
WHERE day BETWEEN today - 13 AND today GROUP BY code, name HAVING week_before > 0 ORDER BY percent DESC, code
