from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from penstock_runtime.project.documents import DocumentBroken
from penstock_runtime.project.templating import (
    ProfileNotFound,
    TemplateFailed,
    TemplateFunctions,
    profile_names,
    render_io_profile,
    render_sql,
    render_text,
    render_values,
)

ENVIRONMENT = {"HOST": "db.example.com", "PORT": "5432", "FLAG": "true", "EMPTY": ""}
SECRETS = {"password": "p\"a'ss: #{word}\n  ADMIN: yes", "plain": "s3cret", "number": "007"}
FUNCTIONS = TemplateFunctions(env_var=ENVIRONMENT.get, secret=SECRETS.get, variables={"day": 3})

CONFIG = """\
version: 0.1.1
# HOST: {{ env_var('IN_A_COMMENT') }}
default: &default
  POSTGRES_HOST: "{{ env_var('HOST') }}"
  POSTGRES_PORT: {{ env_var('PORT') }}
  POSTGRES_PASSWORD: "{{ penstock_secret('password') }}"
  POSTGRES_USER: {{ mage_secret_var('plain') | upper }}
  POSTGRES_SCHEMA: "day_{{ variables('day') }}"
  SSL: {{ env_var('FLAG') }}
  CODE: "{{ mage_secret_var('number') }}"
other:
  <<: *default
  POSTGRES_DBNAME: other
needy:
  POSTGRES_HOST: "{{ env_var('NOT_SET') }}"
flat: 1
"""


class TestProfiles:
    def test_values_are_put_in_place_after_the_yaml_is_read(self):
        assert render_io_profile(CONFIG, "default", FUNCTIONS) == {
            "POSTGRES_HOST": "db.example.com",
            "POSTGRES_PORT": 5432,
            "POSTGRES_PASSWORD": SECRETS["password"],
            "POSTGRES_USER": "S3CRET",
            "POSTGRES_SCHEMA": "day_3",
            "SSL": True,
            "CODE": "007",
        }

    def test_only_the_profile_that_is_asked_for_is_rendered(self):
        broken = CONFIG.replace("{{ env_var('NOT_SET') }}", "{{ hostname }}")
        assert render_io_profile(broken, "default", FUNCTIONS)["CODE"] == "007"
        with pytest.raises(TemplateFailed, match="hostname"):
            render_io_profile(broken, "needy", FUNCTIONS)

    @pytest.mark.parametrize(
        "value",
        ["\"{{ env_var('NO') }}\"", "{{ env_var('NO') }}", "{{ mage_secret_var('no') }}", "a{{ env_var('NO') }}b"],
    )
    def test_what_is_not_set_is_null_for_most_keys_of_the_first_profile_never_are(self, value: str):
        text = f"default:\n  HOST: {value}\n  PORT: {{{{ env_var('PORT') }}}}\n  A: {{{{ env_var('NO', 'b') }}}}\n"
        assert render_io_profile(text, "default", FUNCTIONS) == {"HOST": None, "PORT": 5432, "A": "b"}

    def test_a_profile_may_build_on_another(self):
        text = CONFIG.replace("env_var('NOT_SET')", "env_var('HOST')")
        profile = render_io_profile(text, "other", FUNCTIONS)
        assert (profile["POSTGRES_DBNAME"], profile["POSTGRES_PORT"]) == ("other", 5432)

    def test_profiles_are_listed_without_rendering(self):
        assert profile_names(CONFIG) == ["default", "other", "needy", "flat"]
        assert profile_names("'my profile':\n  A: 1\n\"two\": {}\n") == ["my profile", "two"]

    @pytest.mark.parametrize("name", ["nowhere", "version", ""])
    def test_a_profile_that_is_not_there(self, name: str):
        with pytest.raises(ProfileNotFound, match="default"):
            render_io_profile(CONFIG, name, FUNCTIONS)

    @pytest.mark.parametrize("text", ["flat: 1\n", "flat: [\n", "flat:\n"])
    def test_a_profile_that_is_no_mapping(self, text: str):
        with pytest.raises(DocumentBroken):
            render_io_profile(text, "flat", FUNCTIONS)

    def test_an_undefined_name_is_named(self):
        with pytest.raises(TemplateFailed, match="hostname"):
            render_io_profile('default:\n  A: "{{ hostname }}"\n', "default", FUNCTIONS)


class TestSql:
    def test_tables_variables_and_functions(self):
        text = (
            "SELECT {{ x }}, '{{ variables('x') }}', '{{ env_var('HOST') }}' "
            "FROM {{ df_1 }} JOIN {{df_2}} -- {{ df_1 }}\n"
        )
        assert render_sql(text, 2, {"x": 5}, FUNCTIONS) == (
            "SELECT 5, '5', 'db.example.com' FROM penstock_df_1 JOIN penstock_df_2 -- penstock_df_1\n"
        )

    @pytest.mark.parametrize(
        "date",
        [
            datetime(2022, 9, 24, 23, 1, 8, 376057, tzinfo=UTC),
            datetime(2022, 9, 25, 1, 1, 8, 376057, tzinfo=timezone(timedelta(hours=2))),
            "2022-09-24T23:01:08.376057Z",
            "2022-09-24 23:01:08.376057",
        ],
    )
    def test_the_execution_date(self, date: datetime | str):
        assert render_sql("'{{ execution_date }}'", 0, {}, FUNCTIONS, date) == "'2022-09-24 23:01:08.376057'"
        assert render_sql("'{{ execution_date }}'", 0, {"execution_date": date}, FUNCTIONS) == (
            "'2022-09-24 23:01:08.376057'"
        )

    @pytest.mark.parametrize(
        ("text", "mentions"),
        [
            ("{{ df_3 }}", "df_3"),
            ("{{ variables('missing') }}", "variable 'missing'"),
            ("{{ penstock_secret('missing') }}", "secret 'missing'"),
            ("{% for x in %}", "line 1"),
            ("{{ block_output('a') }}", "df_1"),
            ("{{ aws_secret_var('a') }}", "penstock_secret"),
            ("{{ 1 / 0 }}", "division"),
            ("{{ range(1000000000) | list }}", "[Rr]ange"),
            ("{{ 'a' * 1000000000 }}", "for numbers"),
            ("{{ 10 ** 100000 }}", "powers"),
        ],
    )
    def test_what_is_missing_is_named(self, text: str, mentions: str):
        with pytest.raises(TemplateFailed, match=mentions):
            render_sql(text, 2, {}, FUNCTIONS)

    @pytest.mark.parametrize(
        "text",
        [
            "{{ ''.__class__.__mro__ }}",
            "{{ env_var.__globals__ }}",
            "{{ self.__init__.__globals__ }}",
            "{{ variables.__closure__ }}",
            "{{ '{0.__class__}'.format(1) }}",
            "{{ cycler.__init__.__globals__ }}",
        ],
    )
    def test_the_sandbox_holds(self, text: str):
        with pytest.raises(TemplateFailed):
            render_sql(text, 0, {}, FUNCTIONS)

    def test_the_process_environment_is_out_of_reach(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("PENSTOCK_ENCRYPTION_KEY", "key")
        with pytest.raises(TemplateFailed, match="PENSTOCK_ENCRYPTION_KEY"):
            render_text("{{ env_var('PENSTOCK_ENCRYPTION_KEY') }}", FUNCTIONS)


def test_defaults_and_empty_values():
    assert (
        render_text("{{ env_var('NONE', 'd') }}{{ env_var('EMPTY') }}{{ variables('n', default=1) }}", FUNCTIONS)
        == "d1"
    )


def test_values_are_rendered_at_every_depth():
    value = {"a": ["{{ env_var('HOST') }}", 1, None], "b": {"c": "x"}}
    assert render_values(value, FUNCTIONS) == {"a": ["db.example.com", 1, None], "b": {"c": "x"}}
