# A database in memory: inserting, an index, joining, grouping.
import sqlite3


def run():
    database = sqlite3.connect(":memory:")
    database.execute("create table customers (id integer primary key, name text, city text)")
    database.execute("create table orders (id integer primary key, customer integer, total real)")
    database.executemany(
        "insert into customers values (?, ?, ?)", ((i, f"name {i}", f"city {i % 20}") for i in range(1_000))
    )
    database.executemany(
        "insert into orders values (?, ?, ?)", ((i, i * 7 % 1_000, i % 100 * 1.25) for i in range(10_000))
    )
    database.execute("create index by_customer on orders (customer)")
    total = 0.0
    for city, count, most in database.execute(
        "select city, count(*), sum(total) from customers join orders on customer = customers.id "
        "where name like 'name %' group by city order by 3 desc"
    ):
        total += count * most
    for i in range(1_000):
        (found,) = database.execute("select max(total) from orders where customer = ?", (i,)).fetchone()
        total += found
    database.close()
    return total
