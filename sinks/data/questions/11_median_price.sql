-- What is the median price of each vegetable, by province?
-- for: analyst
-- Of sale lines without outliers, yuan per kg, within one percent.
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT code, substring(county, 1, 2) AS province, sum(lines) AS sold,
       2 * pow(1.01 / 0.99, quantileExactWeighted(0.5)(bucket, toUInt64(greatest(lines, 0)))) / (1.01 / 0.99 + 1) / 10000 AS median
FROM (
    SELECT code, county, bucket, sum(lines) AS lines FROM price_buckets_1d
    WHERE day = today AND code LIKE '08%' GROUP BY code, county, bucket
)
GROUP BY code, province HAVING sold > 0 ORDER BY code, province
