-- Why were lines and envelopes refused in the last week?
-- for: auditor
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT reason, field, toInt64(count()) AS findings, sum(lines) AS refused_lines, sum(envelopes) AS refused_envelopes
FROM rejected WHERE toDate(at, 'Asia/Shanghai') BETWEEN today - 6 AND today
GROUP BY reason, field ORDER BY findings DESC, reason, field
