-- Where do prices of the same commodity differ most within a city?
-- for: analyst
-- The ninth decile over the first.
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT code, city, sum(n) AS sold,
       pow(1.01 / 0.99, quantileExactWeighted(0.9)(bucket, toUInt64(n)) - quantileExactWeighted(0.1)(bucket, toUInt64(n))) AS ratio
FROM (
    SELECT code, substring(county, 1, 4) AS city, bucket, sum(lines) AS n FROM price_buckets_1d
    WHERE day BETWEEN today - 6 AND today GROUP BY code, city, bucket HAVING n > 0
)
GROUP BY code, city HAVING sold >= 20 ORDER BY ratio DESC, code, city LIMIT 50
