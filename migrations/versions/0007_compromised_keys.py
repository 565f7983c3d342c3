"""Compromised keys: since when each is refused, and which tablets have heard of it.

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-30 07:30:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('signing_key', sa.Column('compromised_at', sa.BigInteger(), nullable=True))
    op.create_table('heard_key',
    sa.Column('device_id', sa.String(length=40), nullable=False),
    sa.Column('kid', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['device_id'], ['device.id'], name=op.f('fk_heard_key_device_id_device')),
    sa.ForeignKeyConstraint(['kid'], ['signing_key.kid'], name=op.f('fk_heard_key_kid_signing_key')),
    sa.PrimaryKeyConstraint('device_id', 'kid', name=op.f('pk_heard_key'))
    )


def downgrade():
    op.drop_table('heard_key')
    op.drop_column('signing_key', 'compromised_at')
