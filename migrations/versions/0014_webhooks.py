"""Webhook endpoints, and the newest attempts to send to them.

Revision ID: 0014
Revises: 0013
Create Date: 2026-11-30 11:10:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'webhook_endpoint',
        sa.Column('id', sa.String(length=40), nullable=False),
        sa.Column('url', sa.String(length=2000), nullable=False),
        sa.Column('description', sa.String(length=200), nullable=False),
        sa.Column('types', sa.String(length=1000), nullable=False),
        sa.Column('sealed_secret', sa.LargeBinary(), nullable=False),
        sa.Column('sealed_previous', sa.LargeBinary(), nullable=True),
        sa.Column('previous_until', sa.BigInteger(), nullable=True),
        sa.Column('disabled_at', sa.BigInteger(), nullable=True),
        sa.Column('disabled_reason', sa.String(length=20), nullable=True),
        sa.Column('cursor', sa.Text(), nullable=True),
        sa.Column('done', sa.JSON(), nullable=False),
        sa.Column('told_until', sa.BigInteger(), nullable=False),
        sa.Column('missed_from', sa.BigInteger(), nullable=True),
        sa.Column('missed_until', sa.BigInteger(), nullable=True),
        sa.Column('resend', sa.JSON(), nullable=False),
        sa.Column('attempts', sa.BigInteger(), nullable=False),
        sa.Column('failures', sa.BigInteger(), nullable=False),
        sa.Column('failing_since', sa.BigInteger(), nullable=True),
        sa.Column('next_try_at', sa.BigInteger(), nullable=True),
        sa.Column('last_success_at', sa.BigInteger(), nullable=True),
        sa.Column('lease_id', sa.String(length=40), nullable=True),
        sa.Column('lease_until', sa.BigInteger(), nullable=True),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.CheckConstraint('(sealed_previous IS NULL) = (previous_until IS NULL)', name=op.f('ck_webhook_endpoint_previous_is_whole')),
        sa.CheckConstraint('(disabled_at IS NULL) = (disabled_reason IS NULL)', name=op.f('ck_webhook_endpoint_disabled_for_a_reason')),
        sa.CheckConstraint("disabled_reason IN ('failing', 'gone', 'by_hand')", name=op.f('ck_webhook_endpoint_disabled_reason')),
        sa.CheckConstraint('(failures = 0) = (failing_since IS NULL)', name=op.f('ck_webhook_endpoint_failing_since')),
        sa.CheckConstraint('(lease_id IS NULL) = (lease_until IS NULL)', name=op.f('ck_webhook_endpoint_lease_is_whole')),
        sa.CheckConstraint('(missed_from IS NULL) = (missed_until IS NULL)', name=op.f('ck_webhook_endpoint_missed_is_whole')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_endpoint')),
    )
    op.create_table(
        'webhook_attempt',
        sa.Column('endpoint_id', sa.String(length=40), nullable=False),
        sa.Column('number', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column('event_id', sa.String(length=40), nullable=False),
        sa.Column('event_type', sa.String(length=40), nullable=False),
        sa.Column('at', sa.BigInteger(), nullable=False),
        sa.Column('outcome', sa.String(length=20), nullable=False),
        sa.Column('status', sa.SmallInteger(), nullable=True),
        sa.Column('ms', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(['endpoint_id'], ['webhook_endpoint.id'], name=op.f('fk_webhook_attempt_endpoint_id_webhook_endpoint')),
        sa.PrimaryKeyConstraint('endpoint_id', 'number', name=op.f('pk_webhook_attempt')),
    )


def downgrade():
    op.drop_table('webhook_attempt')
    op.drop_table('webhook_endpoint')
