-- For how many days does the stock of each province last, at the pace of the last week?
-- for: analyst
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT s.code AS code, s.province AS province, s.stock / a.sold AS days
FROM (SELECT code, province, sum(base_qty) AS stock FROM stock_1d WHERE day = today GROUP BY code, province) AS s
INNER JOIN (
    SELECT code, province, sum(base_qty) / 7 AS sold FROM cells_1d WHERE day BETWEEN today - 6 AND today
    GROUP BY code, province
) AS a ON a.code = s.code AND a.province = s.province
WHERE a.sold > 0 ORDER BY days, code, province
