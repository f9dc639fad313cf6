-- How did each meat change within a week, by city (Jevons)?
-- for: analyst
-- The geometric mean of the relatives of the same items: the elementary index of most consumer price indices.
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT code, substring(county, 1, 4) AS city, sum(items) AS matched, 100 * exp(sum(log_relatives) / matched) AS jevons
FROM price_relatives WHERE day = today AND code LIKE '03%' GROUP BY code, city ORDER BY code, city
