"""The words of transformer actions."""

from __future__ import annotations

from enum import Enum


class ActionType(str, Enum):
    """What an action does. Those that `penstock.cleaning.actions` does not carry out say so when built."""

    ADD = "add"
    AVERAGE = "average"
    CLEAN_COLUMN_NAME = "clean_column_name"
    COUNT = "count"
    COUNT_DISTINCT = "count_distinct"
    CUSTOM = "custom"
    DIFF = "diff"
    DROP_DUPLICATE = "drop_duplicate"
    EXPAND_COLUMN = "expand_column"
    EXPLODE = "explode"
    FILTER = "filter"
    FIRST = "first"
    FIX_SYNTAX_ERRORS = "fix_syntax_errors"
    GROUP = "group"
    IMPUTE = "impute"
    JOIN = "join"
    LAST = "last"
    LIMIT = "limit"
    MAX = "max"
    MEDIAN = "median"
    MIN = "min"
    MODE = "mode"
    NORMALIZE = "normalize"
    REFORMAT = "reformat"
    REMOVE = "remove"
    REMOVE_OUTLIERS = "remove_outliers"
    SCALE = "scale"
    SELECT = "select"
    SHIFT_DOWN = "shift_down"
    SHIFT_UP = "shift_up"
    SORT = "sort"
    STANDARDIZE = "standardize"
    SUM = "sum"
    UNION = "union"
    UPDATE_TYPE = "update_type"
    UPDATE_VALUE = "update_value"


class Axis(str, Enum):
    """Whether an action concerns columns or rows."""

    COLUMN = "column"
    ROW = "row"


class ImputationStrategy(str, Enum):
    """How missing values are filled."""

    AVERAGE = "average"
    COLUMN = "column"
    CONSTANT = "constant"
    MEDIAN = "median"
    MODE = "mode"
    NOOP = "no_action"
    RANDOM = "random"
    ROW_RM = "remove_rows"
    SEQ = "sequential"


class ColumnType(str, Enum):
    """What a column holds, as people say it."""

    CATEGORY = "category"
    CATEGORY_HIGH_CARDINALITY = "category_high_cardinality"
    DATETIME = "datetime"
    EMAIL = "email"
    LIST = "list"
    NUMBER = "number"
    NUMBER_WITH_DECIMALS = "number_with_decimals"
    PHONE_NUMBER = "phone_number"
    TEXT = "text"
    TRUE_OR_FALSE = "true_or_false"
    ZIP_CODE = "zip_code"


NUMBER_TYPES = frozenset({ColumnType.NUMBER, ColumnType.NUMBER_WITH_DECIMALS})
CATEGORICAL_TYPES = frozenset({ColumnType.CATEGORY, ColumnType.CATEGORY_HIGH_CARDINALITY, ColumnType.TRUE_OR_FALSE})
