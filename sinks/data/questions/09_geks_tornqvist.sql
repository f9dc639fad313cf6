-- How did pork develop over the last weeks, free of chain drift (GEKS-Törnqvist)?
-- for: auditor
-- Every week is compared with every other by the items that both have; the first week is 100. Items name shops.
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today,
items AS (
    SELECT intDiv(toInt64(today - day), 7) AS ago, cityHash64(terminal_id, sku, unit) AS item,
           sum(priced_amount) AS paid, paid / sum(priced_qty) AS price
    FROM items_1d WHERE code LIKE '0301%' AND day BETWEEN today - 27 AND today
    GROUP BY ago, item HAVING paid > 0 AND sum(priced_qty) > 0
),
pairs AS (
    SELECT a.ago AS a, b.ago AS b, sum(a.paid) AS paid_a, sum(b.paid) AS paid_b,
           (sum(a.paid * log(b.price / a.price)) / paid_a + sum(b.paid * log(b.price / a.price)) / paid_b) / 2 AS tornqvist
    FROM items AS a INNER JOIN items AS b ON a.item = b.item GROUP BY a, b
)
SELECT today - 7 * b.b - 6 AS week, 100 * exp(avg(a.tornqvist + b.tornqvist)) AS geks
FROM pairs AS a INNER JOIN pairs AS b ON a.b = b.a
WHERE a.a = (SELECT max(ago) FROM items) GROUP BY week ORDER BY week
