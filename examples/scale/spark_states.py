"""One answer for a column of embeddings in parquet, one state for each partition: spark-submit spark_states.py PARQUET STATES"""

import sys
from pathlib import Path

import numpy
import pandas
from pyspark import TaskContext
from pyspark.sql import SparkSession

import collapse_cli as collapse


def measured(batches):
    parts = [numpy.stack(batch["embedding"]).astype("float32") for batch in batches if len(batch)]
    if parts:
        path = f"{states}/{TaskContext.get().partitionId()}.npz"  # a folder that all workers see
        collapse.spectrum(numpy.concatenate(parts), save_state=path)
        yield pandas.DataFrame({"state": [path]})


if __name__ == "__main__":
    table, states = (Path(each).absolute() for each in sys.argv[1:])
    states.mkdir(exist_ok=True)
    spark = SparkSession.builder.getOrCreate()
    rows = spark.read.parquet(str(table)).select("embedding")
    done = rows.mapInPandas(measured, "state string").collect()
    print(collapse.merge([row.state for row in done], save_state=states.with_suffix(".npz")))
