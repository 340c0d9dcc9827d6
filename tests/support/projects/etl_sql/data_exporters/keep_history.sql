-- Raw SQL: this block makes its own table, and adds a row to it in each run.
CREATE TABLE IF NOT EXISTS history (country VARCHAR, cents BIGINT);

INSERT INTO history
SELECT country, cents FROM {{ df_1 }};
