"""Frames in objects of S3, Google Cloud Storage and Azure Blob Storage."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from penstock.io.bigquery import credentials_of
from penstock.io.config import Profile, as_profile
from penstock.io.files import BaseIO, format_of, read_frame, write_frame
from penstock.io.formats import need


class ObjectStore(BaseIO):
    """One service; the bucket (or container) and the key come with each call."""

    def __init__(self, profile: Any = None, verbose: bool = True, **settings: Any) -> None:  # noqa: FBT001, FBT002
        super().__init__(verbose)
        self.profile = as_profile({} if profile is None else profile)
        self.settings = settings
        self.client = self.connect()

    @classmethod
    def with_config(cls, config: Profile, **settings: Any) -> Any:
        """A client of a profile."""
        return cls(config, **settings)

    def connect(self) -> Any:
        """The service's client."""
        raise NotImplementedError

    def read(self, bucket: str, key: str) -> bytes:
        """An object's bytes."""
        raise NotImplementedError

    def write(self, bucket: str, key: str, data: bytes) -> None:
        """Put an object."""
        raise NotImplementedError

    def exists(self, bucket: str, key: str, *_args: Any) -> bool:
        """Whether an object is there."""
        raise NotImplementedError

    def load(self, bucket: str, key: str, format: Any = None, limit: int | None = None, **options: Any) -> Any:
        """A frame from an object; the format comes from the key's suffix unless given."""
        frame = read_frame(BytesIO(self.read(bucket, key)), format_of(key, format), **options)
        return frame if limit is None else frame.head(limit)

    def export(self, df: Any, bucket: str, key: str, format: Any = None, **options: Any) -> None:
        """Write a frame to an object; bytes and text are written as they are."""
        if isinstance(df, (bytes, str)):
            self.write(bucket, key, df.encode() if isinstance(df, str) else df)
            return
        buffer = BytesIO()
        write_frame(df, buffer, format_of(key, format), **options)
        self.write(bucket, key, buffer.getvalue())


class S3(ObjectStore):
    """Amazon S3 and what speaks its protocol (AWS_ENDPOINT); without keys, the machine's own identity.

    With AWS_ROLE_ARN that identity takes on the role, for as long as the role's sessions last (an hour as a rule).
    """

    def connect(self) -> Any:
        """A boto3 client."""
        profile = self.profile
        boto3 = need("boto3", "boto3", "S3")
        options = {
            "aws_access_key_id": profile.get("AWS_ACCESS_KEY_ID"),
            "aws_secret_access_key": profile.get("AWS_SECRET_ACCESS_KEY"),
            "aws_session_token": profile.get("AWS_SESSION_TOKEN"),
            "region_name": profile.get("AWS_REGION"),
        }
        options = {key: value for key, value in options.items() if value}
        if "AWS_ROLE_ARN" in profile:
            options.update(_assume(boto3.client("sts", **options), profile.require("AWS_ROLE_ARN")))
        if "AWS_ENDPOINT" in profile:
            options["endpoint_url"] = profile.require("AWS_ENDPOINT")
        return boto3.client("s3", **options)

    def read(self, bucket: str, key: str) -> bytes:
        """An object's bytes."""
        return bytes(self.client.get_object(Bucket=bucket, Key=key)["Body"].read())

    def write(self, bucket: str, key: str, data: bytes) -> None:
        """Put an object."""
        self.client.put_object(Bucket=bucket, Key=key, Body=data)

    def exists(self, bucket: str, key: str, *_args: Any) -> bool:
        """Whether an object of this very key is there; of those that begin with it, it is listed first."""
        found = self.client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents") or []
        return [one["Key"] for one in found] == [key]


def _assume(sts: Any, role: str) -> dict[str, str]:
    """The keys of a role, as a client takes them."""
    given = sts.assume_role(RoleArn=role, RoleSessionName="penstock")["Credentials"]
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }


class GoogleCloudStorage(ObjectStore):
    """Google Cloud Storage."""

    def connect(self) -> Any:
        """A storage client."""
        storage = need("google.cloud.storage", "google-cloud-storage", "Google Cloud Storage")
        return storage.Client(credentials=credentials_of(self.profile))

    def read(self, bucket: str, key: str) -> bytes:
        """An object's bytes."""
        return bytes(self.client.bucket(bucket).blob(key).download_as_bytes())

    def write(self, bucket: str, key: str, data: bytes) -> None:
        """Put an object."""
        self.client.bucket(bucket).blob(key).upload_from_string(data, content_type="application/octet-stream")

    def exists(self, bucket: str, key: str, *_args: Any) -> bool:
        """Whether an object is there."""
        return bool(self.client.bucket(bucket).blob(key).exists())


class AzureBlobStorage(ObjectStore):
    """Azure Blob Storage of AZURE_STORAGE_ACCOUNT_NAME, by client secret or the machine's own identity."""

    def connect(self) -> Any:
        """A blob service client."""
        profile = self.profile
        identity = need("azure.identity", "azure-identity", "Azure Blob Storage")
        blob = need("azure.storage.blob", "azure-storage-blob", "Azure Blob Storage")
        if "AZURE_CLIENT_SECRET" in profile:
            credential = identity.ClientSecretCredential(
                profile.require("AZURE_TENANT_ID"),
                profile.require("AZURE_CLIENT_ID"),
                profile.require("AZURE_CLIENT_SECRET"),
            )
        else:
            credential = identity.DefaultAzureCredential()
        url = f"https://{profile.require('AZURE_STORAGE_ACCOUNT_NAME')}.blob.core.windows.net"
        return blob.BlobServiceClient(url, credential=credential)

    def read(self, bucket: str, key: str) -> bytes:
        """A blob's bytes."""
        return bytes(self.client.get_blob_client(bucket, key).download_blob().readall())

    def write(self, bucket: str, key: str, data: bytes) -> None:
        """Put a blob."""
        self.client.get_blob_client(bucket, key).upload_blob(data, overwrite=True)

    def exists(self, bucket: str, key: str, *_args: Any) -> bool:
        """Whether a blob is there."""
        return bool(self.client.get_blob_client(bucket, key).exists())
